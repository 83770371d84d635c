/** Instruments as the page needs them: names, and the filters as exact amounts. */
import { type Amount, decimalsOf, parseAmount } from "../amounts";
import type { WireFilter, WireInstrument } from "../api/wire";

export interface Lot {
  least: Amount;
  most: Amount;
  step: Amount;
}

export interface Instrument {
  symbol: string;
  base: string;
  quote: string;
  isTrading: boolean;
  status: string;
  tick: Amount;
  leastPrice: Amount;
  mostPrice: Amount;
  lot: Lot;
  marketLot: Lot;
  leastNotional: Amount;
  mostNotional: Amount;
  /** Whether the notional limits also bind market orders. */
  isLeastForMarket: boolean;
  isMostForMarket: boolean;
  priceDecimals: number;
  quantityDecimals: number;
}

const UNIT: Amount = 1n;

function field(filter: WireFilter | undefined, name: string): Amount {
  const value = filter?.[name];
  return (typeof value === "string" ? parseAmount(value) : null) ?? 0n;
}

/** Read one instrument of exchangeInfo. A filter that is absent leaves its limit at zero, which means none. */
export function readInstrument(wire: WireInstrument): Instrument {
  const filter = (type: string): WireFilter | undefined => wire.filters.find((each) => each.filterType === type);
  const price = filter("PRICE_FILTER");
  const lot = filter("LOT_SIZE");
  const marketLot = filter("MARKET_LOT_SIZE");
  const notional = filter("NOTIONAL");
  const leastNotional = filter("MIN_NOTIONAL");
  const tick = field(price, "tickSize");
  const step = field(lot, "stepSize");
  return {
    symbol: wire.symbol,
    base: wire.baseAsset,
    quote: wire.quoteAsset,
    isTrading: wire.status === "TRADING",
    status: wire.status,
    tick,
    leastPrice: field(price, "minPrice"),
    mostPrice: field(price, "maxPrice"),
    lot: { least: field(lot, "minQty"), most: field(lot, "maxQty"), step },
    marketLot: { least: field(marketLot, "minQty"), most: field(marketLot, "maxQty"), step: field(marketLot, "stepSize") },
    leastNotional: field(notional, "minNotional") || field(leastNotional, "minNotional"),
    mostNotional: field(notional, "maxNotional"),
    isLeastForMarket: (notional?.["applyMinToMarket"] ?? leastNotional?.["applyToMarket"]) === true,
    isMostForMarket: notional?.["applyMaxToMarket"] === true,
    priceDecimals: decimalsOf(tick || UNIT),
    quantityDecimals: decimalsOf(step || UNIT),
  };
}
