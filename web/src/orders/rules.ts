/**
 * What the exchange will ask of an order, checked before it is sent, with exact arithmetic.
 *
 * In:    what a person typed, the instrument, what is available.
 * Out:   one message a field, or the parameters to send.
 * Never: the last word; the exchange checks everything again.
 */
import { type Amount, ceilTo, floorTo, formatAmount, grouped, multiply, parseAmount, trimAmount } from "../amounts";
import type { Params } from "../api/signing";
import type { Side } from "../api/wire";
import type { Instrument, Lot } from "../market/instruments";
import {
  DELTA_STEP, deltaOf, type Draft, isAtMarket, isByRise, isPriced, isTimed, type Kind, type Leg, legsOf, PRICE_FIELDS, type PriceField,
  takesMarket, unitPrice,
} from "./draft";

export type Complaints = Partial<Record<PriceField["name"] | "quantity" | "total", string>>;

export interface Means {
  base: Amount;
  quote: Amount;
}

/** The price a market order is estimated at, and that triggers are measured against: the last one. */
export type Reference = Amount | null;

/** What is sent, and where to. */
export interface Placement {
  path: "/api/v3/order" | "/api/v3/orderList/oco";
  params: Params;
}

/** What a share of the money leaves, in percent: what is bought at the market later may cost more than its trigger says. */
const SPARE_PERCENT = 2n;

const OTHER_WAY: Partial<Record<Kind, Kind>> = {
  STOP_LIMIT: "TAKE_PROFIT_LIMIT",
  STOP_MARKET: "TAKE_PROFIT_MARKET",
  TAKE_PROFIT_LIMIT: "STOP_LIMIT",
  TAKE_PROFIT_MARKET: "STOP_MARKET",
};

/** Say what is wrong with a draft, by field; an empty field is not wrong yet, only unready. */
export function complaintsAbout(
  draft: Draft, instrument: Instrument, means: Means | null, reference: Reference, average: Reference = null,
): Complaints {
  const complaints: Complaints = {};
  for (const { name } of PRICE_FIELDS[draft.type]) {
    if (draft[name] === "") continue;
    if (name === "delta") put(complaints, name, deltaComplaint(draft, instrument, reference));
    else put(complaints, name, fieldComplaint(draft, name, instrument, reference, average));
  }
  if (draft.type === "MARKET" && draft.isByTotal) {
    const total = parseAmount(draft.total);
    if (draft.total !== "") put(complaints, "total", totalComplaint(draft.side, total, instrument, means));
    return complaints;
  }
  const quantity = parseAmount(draft.quantity);
  if (draft.quantity !== "") put(complaints, "quantity", quantityComplaint(draft, quantity, instrument, means));
  const unit = unitPrice(draft, reference);
  if (unit === null || quantity === null || quantity === 0n || Object.keys(complaints).length > 0) return complaints;
  for (const leg of legsOf(draft, reference)) {
    const price = leg.price ?? (leg.type === "MARKET" ? reference : (average ?? reference));
    if (price !== null) put(complaints, "total", notionalComplaint(multiply(price, quantity), instrument, isAtMarket(leg)));
  }
  const needed = multiply(unit, quantity);
  if (complaints.total === undefined && draft.side === "BUY" && means !== null && needed > means.quote) {
    complaints.total = `Needs ${trimAmount(needed)} ${instrument.quote}; ${trimAmount(means.quote)} is available.`;
  }
  return complaints;
}

/** Say which type waits for the trigger from where the last price stands, if the one chosen does not. */
export function fittingKind(draft: Draft, last: Reference): Kind | null {
  const [other, stop] = [OTHER_WAY[draft.type], parseAmount(draft.stop)];
  if (other === undefined || stop === null || stop === 0n || last === null || stop === last) return null;
  const [leg] = legsOf(draft, last);
  return leg === undefined || stop > last === isByRise(leg.type, draft.side) ? null : other;
}

/** Write what is to be sent, or null while a field is missing or wrong. */
export function placementOf(draft: Draft, instrument: Instrument, clientId: string, last: Reference = null): Placement | null {
  const { symbol } = instrument;
  const shared = { symbol, side: draft.side, newOrderRespType: "FULL" };
  const isByTotal = draft.type === "MARKET" && draft.isByTotal;
  const amount = parseAmount(isByTotal ? draft.total : draft.quantity);
  if (amount === null || amount === 0n || !isPriced(draft)) return null;
  const legs = legsOf(draft, last);
  if (draft.type === "OCO") {
    const [above, below] = legs.map((leg) => legParams(leg, "GTC"));
    const params = { ...shared, listClientOrderId: clientId, quantity: trimAmount(amount), ...prefixed("above", above), ...prefixed("below", below) };
    return { path: "/api/v3/orderList/oco", params };
  }
  const [leg] = legs;
  // From which side the price must come follows from the last one.
  if (leg === undefined || (draft.type === "TRAILING" && (leg.delta === null || last === null || leg.stop === last))) return null;
  const lifetime = isTimed(draft) ? draft.timeInForce : undefined;
  const params = { ...shared, newClientOrderId: clientId, [isByTotal ? "quoteOrderQty" : "quantity"]: trimAmount(amount), ...legParams(leg, lifetime) };
  return { path: "/api/v3/order", params };
}

function legParams({ type, price, stop, delta }: Leg, lifetime: Draft["timeInForce"] | undefined): Params {
  const isResting = type === "LIMIT" || type.endsWith("_LIMIT");
  return {
    type,
    ...(price === null ? {} : { price: trimAmount(price) }),
    ...(stop === null ? {} : { stopPrice: trimAmount(stop) }),
    ...(delta === null ? {} : { trailingDelta: String(delta) }),
    ...(isResting && lifetime !== undefined ? { timeInForce: lifetime } : {}),
  };
}

/** Name parameters as those of a leg: stopPrice becomes belowStopPrice. */
function prefixed(prefix: string, params: Params = {}): Params {
  return Object.fromEntries(Object.entries(params).map(([name, value]) => [`${prefix}${name.charAt(0).toUpperCase()}${name.slice(1)}`, value]));
}

/** Say the quantity or total that is `percent` of what is available, rounded down to what may be sent. */
export function shareOf(draft: Draft, percent: bigint, instrument: Instrument, means: Means, reference: Reference): Partial<Draft> {
  const { step } = lotFor(draft, instrument);
  if (draft.side === "SELL") {
    const quantity = floorTo((means.base * percent) / 100n, step);
    return { quantity: formatAmount(quantity, instrument.quantityDecimals), isByTotal: false };
  }
  const budget = (means.quote * percent) / 100n;
  if (draft.type === "MARKET") return { total: trimAmount(floorTo(budget, 1_000_000n), 2), isByTotal: true };
  const price = unitPrice(draft, reference) ?? reference;
  if (price === null || price === 0n) return {};
  const quantity = floorTo((budget * 100_000_000n) / dearest(draft, price), step);
  return { quantity: formatAmount(quantity, instrument.quantityDecimals), isByTotal: false };
}

/** Whether a buy that waits for its trigger could not be paid if the market were only a little dearer then. */
export function isTight(draft: Draft, means: Means | null, reference: Reference): boolean {
  const [unit, quantity] = [unitPrice(draft, reference), parseAmount(draft.quantity)];
  if (means === null || unit === null || quantity === null || draft.side === "SELL" || draft.type === "MARKET") return false;
  return multiply(dearest(draft, unit), quantity) > means.quote;
}

/** Say what a unit may cost: what is held for it, and more where it is bought at the market later. */
function dearest(draft: Draft, price: Amount): Amount {
  if (!takesMarket(draft)) return price;
  const trailed = (price * (10_000n + (deltaOf(draft) ?? 0n))) / 10_000n;
  return (trailed * (100n + SPARE_PERCENT)) / 100n;
}

/** What takes the market's price is held to the market's lot too. */
export function lotFor(draft: Draft, instrument: Instrument): Lot {
  return takesMarket(draft) ? marketLotOf(instrument) : instrument.lot;
}

/** The step of a market order is the lot's own, unless the market lot asks for a coarser one. */
export function marketLotOf({ lot, marketLot }: Instrument): Lot {
  return {
    least: marketLot.least > lot.least ? marketLot.least : lot.least,
    most: marketLot.most > 0n && marketLot.most < lot.most ? marketLot.most : lot.most,
    step: marketLot.step > lot.step ? marketLot.step : lot.step,
  };
}

function put(complaints: Complaints, field: keyof Complaints, message: string | null): void {
  if (message !== null) complaints[field] ??= message;
}

function priceComplaint(price: Amount | null, { tick, leastPrice, mostPrice, quote }: Instrument): string | null {
  if (price === null) return "Enter a plain number.";
  if (price === 0n) return "Enter a price above zero.";
  if (leastPrice > 0n && price < leastPrice) return `The lowest price is ${trimAmount(leastPrice)} ${quote}.`;
  if (mostPrice > 0n && price > mostPrice) return `The highest price is ${trimAmount(mostPrice)} ${quote}.`;
  if (floorTo(price, tick) !== price) return `Prices move in steps of ${trimAmount(tick)} ${quote}.`;
  return null;
}

function fieldComplaint(
  draft: Draft, name: "price" | "stop" | "stopLimit", instrument: Instrument, last: Reference, average: Reference,
): string | null {
  const price = parseAmount(draft[name]);
  const complaint = priceComplaint(price, instrument) ?? (name === "stop" ? null : bandComplaint(draft.side, price, instrument, average));
  return complaint ?? (price === null ? null : placeComplaint(draft, name, price, instrument, last));
}

/** Say on which side of the last price a price must stand, if it does not. */
function placeComplaint(draft: Draft, name: string, price: Amount, instrument: Instrument, last: Reference): string | null {
  const { side, type } = draft;
  if (type === "OCO" && name !== "stopLimit") return pairComplaint(draft, name === "price", price, instrument, last);
  if (name !== "stop") return null;
  if (type === "TRAILING") {
    if (last === null) return "Nothing was traded yet: there is no last price to trail.";
    return price === last ? "The last price is there already: leave this empty to trail at once." : null;
  }
  const [leg] = legsOf(draft, last);
  if (leg === undefined || last === null) return null;
  const isUp = isByRise(leg.type, side);
  if (isUp ? price > last : price < last) return null;
  const what = `${type.startsWith("STOP") ? "A stop" : "A take-profit"} that ${side === "BUY" ? "buys" : "sells"}`;
  return `${what} waits for a ${isUp ? "rise" : "fall"}: choose a trigger ${isUp ? "above" : "below"} the last price, ${said(last, instrument)}.`;
}

/** The legs of a pair stand on both sides of the last price; where nothing was traded yet they are only held to each other. */
function pairComplaint({ side, price, stop }: Draft, isProfit: boolean, own: Amount, instrument: Instrument, last: Reference): string | null {
  const other = parseAmount(isProfit ? stop : price);
  const border = last ?? other;
  const isAbove = isProfit === (side === "SELL");
  if (border === null || (isAbove ? own > border : own < border)) return null;
  const from = last === null ? `the ${isProfit ? "stop loss" : "take profit"}` : `the last price, ${said(border, instrument)}`;
  return `The ${isProfit ? "take profit" : "stop loss"} of a ${side === "BUY" ? "buy" : "sale"} stands ${isAbove ? "above" : "below"} ${from}.`;
}

function deltaComplaint(draft: Draft, instrument: Instrument, last: Reference): string | null {
  const percent = parseAmount(draft.delta);
  if (percent === null) return "Enter a plain number.";
  if (last === null) return "Nothing was traded yet: there is no last price to trail.";
  const [leg] = legsOf(draft, last);
  const bounds = instrument.trailing[leg !== undefined && isByRise(leg.type, draft.side) ? "above" : "below"];
  if (percent < bounds.least * DELTA_STEP || percent > bounds.most * DELTA_STEP) return `Choose a delta ${deltaWords(bounds)}.`;
  return percent % DELTA_STEP === 0n ? null : "Deltas move in steps of 0.01%.";
}

/** Say bounds of a trailing delta in percent. */
export function deltaWords({ least, most }: { least: bigint; most: bigint }): string {
  return `from ${trimAmount(least * DELTA_STEP)}% to ${trimAmount(most * DELTA_STEP)}%`;
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
  const lot = lotFor(draft, instrument);
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

function said(price: Amount, { priceDecimals }: Instrument): string {
  return grouped(trimAmount(price, priceDecimals));
}
