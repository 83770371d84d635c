/**
 * What the exchange will ask of an order, checked before it is sent, with exact arithmetic.
 *
 * In:    what a person typed, the instrument, what is available.
 * Out:   one message a field, or the parameters to send.
 * Never: the last word; the exchange checks everything again.
 */
import { type Amount, ceilTo, floorTo, formatAmount, grouped, multiply, parseAmount, trimAmount } from "../amounts";
import type { Params } from "../api/signing";
import type { OrderType, Side, TimeInForce } from "../api/wire";
import type { Instrument, Lot } from "../market/instruments";

export interface Draft {
  side: Side;
  type: "LIMIT" | "MARKET" | "STOP_LIMIT";
  /** The price that triggers a stop-limit order. */
  stop: string;
  price: string;
  quantity: string;
  /** The total in quote units; only a market order is sent by it. */
  total: string;
  isByTotal: boolean;
  timeInForce: TimeInForce;
  isPostOnly: boolean;
}

export interface Complaints {
  stop?: string;
  price?: string;
  quantity?: string;
  total?: string;
}

export interface Means {
  base: Amount;
  quote: Amount;
}

/** The price a market order is estimated at, and that triggers are measured against: the last one. */
export type Reference = Amount | null;

/** Say what is wrong with a draft, by field; an empty field is not wrong yet, only unready. */
export function complaintsAbout(
  draft: Draft, instrument: Instrument, means: Means | null, reference: Reference, average: Reference = null,
): Complaints {
  const complaints: Complaints = {};
  const isMarket = draft.type === "MARKET";
  const price = isMarket ? reference : parseAmount(draft.price);
  if (!isMarket && draft.price !== "") put(complaints, "price", priceComplaint(price, instrument) ?? bandComplaint(draft.side, price, instrument, average));
  if (draft.type === "STOP_LIMIT" && draft.stop !== "") {
    put(complaints, "stop", stopComplaint(draft.side, parseAmount(draft.stop), instrument, reference));
  }
  if (isMarket && draft.isByTotal) {
    const total = parseAmount(draft.total);
    if (draft.total !== "") put(complaints, "total", totalComplaint(draft.side, total, instrument, means));
    return complaints;
  }
  const quantity = parseAmount(draft.quantity);
  if (draft.quantity !== "") put(complaints, "quantity", quantityComplaint(draft, quantity, instrument, means));
  if (price === null || price === 0n || quantity === null || quantity === 0n || complaints.price || complaints.quantity) {
    return complaints;
  }
  const notional = multiply(price, quantity);
  put(complaints, "total", notionalComplaint(notional, instrument, isMarket));
  if (complaints.total === undefined && draft.side === "BUY" && means !== null && notional > means.quote) {
    complaints.total = `Needs ${trimAmount(notional)} ${instrument.quote}; ${trimAmount(means.quote)} is available.`;
  }
  return complaints;
}

/** Choose the type by which way the last price must go to the trigger; null if it stands there, or is unknown. */
export function stopLimitType(side: Side, stop: Amount, last: Reference): "STOP_LOSS_LIMIT" | "TAKE_PROFIT_LIMIT" | null {
  if (last === null || stop === last) return null;
  return stop > last === (side === "BUY") ? "STOP_LOSS_LIMIT" : "TAKE_PROFIT_LIMIT";
}

/** Write the parameters of POST /api/v3/order, or null while a field is missing or wrong. */
export function orderParams(draft: Draft, instrument: Instrument, clientOrderId: string, last: Reference = null): Params | null {
  const shared = { symbol: instrument.symbol, side: draft.side, newClientOrderId: clientOrderId, newOrderRespType: "FULL" };
  if (draft.type === "MARKET") {
    const amount = parseAmount(draft.isByTotal ? draft.total : draft.quantity);
    if (amount === null || amount === 0n) return null;
    return { ...shared, type: "MARKET", [draft.isByTotal ? "quoteOrderQty" : "quantity"]: trimAmount(amount) };
  }
  const price = parseAmount(draft.price);
  const quantity = parseAmount(draft.quantity);
  if (price === null || price === 0n || quantity === null || quantity === 0n) return null;
  if (draft.type === "STOP_LIMIT") {
    const stop = parseAmount(draft.stop);
    const stopType = stop === null || stop === 0n ? null : stopLimitType(draft.side, stop, last);
    if (stop === null || stopType === null) return null;
    const prices = { stopPrice: trimAmount(stop), price: trimAmount(price), quantity: trimAmount(quantity) };
    return { ...shared, type: stopType, ...prices, timeInForce: draft.timeInForce };
  }
  const type: OrderType = draft.isPostOnly ? "LIMIT_MAKER" : "LIMIT";
  return {
    ...shared,
    type,
    price: trimAmount(price),
    quantity: trimAmount(quantity),
    timeInForce: draft.isPostOnly ? undefined : draft.timeInForce,
  };
}

/** Say the quantity or total that is `percent` of what is available, rounded down to what may be sent. */
export function shareOf(draft: Draft, percent: bigint, instrument: Instrument, means: Means, reference: Reference): Partial<Draft> {
  const lot = lotFor(draft.type, instrument);
  if (draft.side === "SELL") {
    const quantity = floorTo((means.base * percent) / 100n, lot.step);
    return { quantity: formatAmount(quantity, instrument.quantityDecimals), isByTotal: false };
  }
  const budget = (means.quote * percent) / 100n;
  if (draft.type === "MARKET") return { total: trimAmount(floorTo(budget, 1_000_000n), 2), isByTotal: true };
  const price = parseAmount(draft.price) ?? reference;
  if (price === null || price === 0n) return {};
  const quantity = floorTo((budget * 100_000_000n) / price, lot.step);
  return { quantity: formatAmount(quantity, instrument.quantityDecimals) };
}

/** The step of a market order is the lot's own, unless the market lot asks for a coarser one. */
export function lotFor(type: Draft["type"], instrument: Instrument): Lot {
  if (type !== "MARKET") return instrument.lot;
  const { lot, marketLot } = instrument;
  return {
    least: marketLot.least > lot.least ? marketLot.least : lot.least,
    most: marketLot.most > 0n && marketLot.most < lot.most ? marketLot.most : lot.most,
    step: marketLot.step > lot.step ? marketLot.step : lot.step,
  };
}

function put(complaints: Complaints, field: keyof Complaints, message: string | null): void {
  if (message !== null) complaints[field] = message;
}

function priceComplaint(price: Amount | null, { tick, leastPrice, mostPrice, quote }: Instrument): string | null {
  if (price === null) return "Enter a plain number.";
  if (price === 0n) return "Enter a price above zero.";
  if (leastPrice > 0n && price < leastPrice) return `The lowest price is ${trimAmount(leastPrice)} ${quote}.`;
  if (mostPrice > 0n && price > mostPrice) return `The highest price is ${trimAmount(mostPrice)} ${quote}.`;
  if (floorTo(price, tick) !== price) return `Prices move in steps of ${trimAmount(tick)} ${quote}.`;
  return null;
}

function stopComplaint(side: Side, stop: Amount | null, instrument: Instrument, last: Reference): string | null {
  const complaint = priceComplaint(stop, instrument);
  if (complaint !== null || stop === null) return complaint;
  if (last === null) return "Nothing was traded yet: there is no last price to trigger at.";
  return stopLimitType(side, stop, last) === null ? "The last price is there already: choose another trigger." : null;
}

/** The prices that the exchange takes now, on the tick; null while the average is unknown or nothing bounds them. */
export function boundsOf(side: Side, { bands, tick, leastPrice, mostPrice }: Instrument, average: Reference): { least: Amount; most: Amount } | null {
  const { up, down } = bands[side];
  if (average === null || up === 0n || down === 0n) return null;
  const [low, high] = [ceilTo(multiply(average, down), tick), floorTo(multiply(average, up), tick)];
  return { least: low > leastPrice ? low : leastPrice, most: mostPrice > 0n && mostPrice < high ? mostPrice : high };
}

/** Say between which prices an order may stand now, in words. */
export function boundsWords(side: Side, instrument: Instrument, average: Reference): string | null {
  const bounds = boundsOf(side, instrument, average);
  if (bounds === null) return null;
  const [least, most] = [bounds.least, bounds.most].map((bound) => grouped(trimAmount(bound, instrument.priceDecimals)));
  return `between ${least ?? ""} and ${most ?? ""} ${instrument.quote}`;
}

function bandComplaint(side: Side, price: Amount | null, instrument: Instrument, average: Reference): string | null {
  const bounds = boundsOf(side, instrument, average);
  if (price === null || bounds === null || (price >= bounds.least && price <= bounds.most)) return null;
  return `Too far from the average price: choose one ${boundsWords(side, instrument, average) ?? ""}.`;
}

function quantityComplaint(draft: Draft, quantity: Amount | null, instrument: Instrument, means: Means | null): string | null {
  const lot = lotFor(draft.type, instrument);
  const base = instrument.base;
  if (quantity === null) return "Enter a plain number.";
  if (quantity === 0n || quantity < lot.least) return `The least quantity is ${trimAmount(lot.least)} ${base}.`;
  if (lot.most > 0n && quantity > lot.most) return `The most in one order is ${trimAmount(lot.most)} ${base}.`;
  if (floorTo(quantity, lot.step) !== quantity) return `Quantities move in steps of ${trimAmount(lot.step)} ${base}.`;
  if (draft.side === "SELL" && means !== null && quantity > means.base) return `Only ${trimAmount(means.base)} ${base} is available.`;
  return null;
}

function totalComplaint(side: Side, total: Amount | null, instrument: Instrument, means: Means | null): string | null {
  if (total === null) return "Enter a plain number.";
  if (side === "BUY" && means !== null && total > means.quote) {
    return `Only ${trimAmount(means.quote)} ${instrument.quote} is available.`;
  }
  return notionalComplaint(total, instrument, true);
}

function notionalComplaint(notional: Amount, instrument: Instrument, isMarket: boolean): string | null {
  const { leastNotional, mostNotional, isLeastForMarket, isMostForMarket, quote } = instrument;
  if (leastNotional > 0n && notional < leastNotional && (!isMarket || isLeastForMarket)) {
    return `The least total is ${trimAmount(leastNotional)} ${quote}.`;
  }
  if (mostNotional > 0n && notional > mostNotional && (!isMarket || isMostForMarket)) {
    return `The most in one order is ${trimAmount(mostNotional)} ${quote}.`;
  }
  return null;
}
