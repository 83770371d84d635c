/** Instruments as the page needs them: names, and the filters as exact amounts. */
import { type Amount, decimalsOf, parseAmount } from "../amounts";
import type { Side, WireFilter, WireInstrument } from "../api/wire";

export interface Lot {
  least: Amount;
  most: Amount;
  step: Amount;
}

/** How far a price may be from the average, as factors of it; zero leaves that side open. */
export interface Band {
  up: Amount;
  down: Amount;
}

export interface DeltaBounds {
  least: bigint;
  most: bigint;
}

export interface Instrument {
  symbol: string;
  base: string;
  quote: string;
  isTrading: boolean;
  status: string;
  orderTypes: ReadonlySet<string>;
  hasOco: boolean;
  hasTrailing: boolean;
  /** The bounds of a trailing delta in hundredths of a percent: for what waits for a rise, and for a fall. */
  trailing: Record<"above" | "below", DeltaBounds>;
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
  bands: Record<Side, Band>;
  /** The minutes that the average is taken over; zero takes the last price instead. */
  averageMinutes: number;
  /** The most open orders, the most of them with a trigger, and the most open lists; zero means any number. */
  ordersMost: number;
  algoOrdersMost: number;
  listsMost: number;
  priceDecimals: number;
  quantityDecimals: number;
}

const UNIT: Amount = 1n;
/** Below a whole: a price trails by no more. */
const DELTA_MOST = 9_999;

function field(filter: WireFilter | undefined, name: string): Amount {
  const value = filter?.[name];
  return (typeof value === "string" ? parseAmount(value) : null) ?? 0n;
}

function count(filter: WireFilter | undefined, name: string): number {
  const value = filter?.[name];
  return typeof value === "number" ? value : 0;
}

function deltas(filter: WireFilter | undefined, direction: "Above" | "Below"): DeltaBounds {
  const [least, most] = [count(filter, `minTrailing${direction}Delta`), count(filter, `maxTrailing${direction}Delta`)];
  return { least: BigInt(least || 1), most: BigInt(most || DELTA_MOST) };
}

/** Read one side's band: of two rules the tighter one counts. */
function band(bySide: WireFilter | undefined, side: "bid" | "ask", all: WireFilter | undefined): Band {
  const [up, down] = [field(bySide, `${side}MultiplierUp`), field(bySide, `${side}MultiplierDown`)];
  const [upForAll, downForAll] = [field(all, "multiplierUp"), field(all, "multiplierDown")];
  return {
    up: up === 0n || (upForAll > 0n && upForAll < up) ? upForAll : up,
    down: down > downForAll ? down : downForAll,
  };
}

/** Read one instrument of exchangeInfo. A filter that is absent leaves its limit at zero, which means none. */
export function readInstrument(wire: WireInstrument): Instrument {
  const filter = (type: string): WireFilter | undefined => wire.filters.find((each) => each.filterType === type);
  const price = filter("PRICE_FILTER");
  const lot = filter("LOT_SIZE");
  const marketLot = filter("MARKET_LOT_SIZE");
  const notional = filter("NOTIONAL");
  const leastNotional = filter("MIN_NOTIONAL");
  const [bySide, percent] = [filter("PERCENT_PRICE_BY_SIDE"), filter("PERCENT_PRICE")];
  const tick = field(price, "tickSize");
  const step = field(lot, "stepSize");
  return {
    symbol: wire.symbol,
    base: wire.baseAsset,
    quote: wire.quoteAsset,
    isTrading: wire.status === "TRADING",
    status: wire.status,
    orderTypes: new Set(wire.orderTypes),
    hasOco: wire.ocoAllowed === true,
    hasTrailing: wire.allowTrailingStop === true,
    trailing: { above: deltas(filter("TRAILING_DELTA"), "Above"), below: deltas(filter("TRAILING_DELTA"), "Below") },
    tick,
    leastPrice: field(price, "minPrice"),
    mostPrice: field(price, "maxPrice"),
    lot: { least: field(lot, "minQty"), most: field(lot, "maxQty"), step },
    marketLot: { least: field(marketLot, "minQty"), most: field(marketLot, "maxQty"), step: field(marketLot, "stepSize") },
    leastNotional: field(notional, "minNotional") || field(leastNotional, "minNotional"),
    mostNotional: field(notional, "maxNotional"),
    isLeastForMarket: (notional?.["applyMinToMarket"] ?? leastNotional?.["applyToMarket"]) === true,
    isMostForMarket: notional?.["applyMaxToMarket"] === true,
    bands: { BUY: band(bySide, "bid", percent), SELL: band(bySide, "ask", percent) },
    averageMinutes: count(bySide ?? percent, "avgPriceMins"),
    ordersMost: count(filter("MAX_NUM_ORDERS"), "maxNumOrders"),
    algoOrdersMost: count(filter("MAX_NUM_ALGO_ORDERS"), "maxNumAlgoOrders"),
    listsMost: count(filter("MAX_NUM_ORDER_LISTS"), "maxNumOrderLists"),
    priceDecimals: decimalsOf(tick || UNIT),
    quantityDecimals: decimalsOf(step || UNIT),
  };
}
