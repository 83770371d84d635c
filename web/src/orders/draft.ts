/**
 * What a person types into the order form, and the orders that come of it.
 *
 * In:    text and choices.
 * Out:   the fields of each type, and legs: one order, or the two of an OCO.
 * Never: whether the exchange takes them; the rules say that.
 */
import { type Amount, formatAmount, parseAmount } from "../amounts";
import type { OrderType, Side, TimeInForce } from "../api/wire";
import type { Instrument } from "../market/instruments";

/** What the form offers. Each of them but OCO is one order. */
export type Kind =
  | "LIMIT" | "MARKET" | "STOP_LIMIT" | "STOP_MARKET" | "TAKE_PROFIT_LIMIT" | "TAKE_PROFIT_MARKET" | "TRAILING" | "OCO";

export interface Draft {
  side: Side;
  type: Kind;
  /** The trigger of a stop, of a take-profit, of an OCO's stop loss; the price from which a trailing stop trails. */
  stop: string;
  /** The limit price; of an OCO that of its take profit. */
  price: string;
  /** The limit price of an OCO's stop loss. */
  stopLimit: string;
  /** How far a trailing stop trails, in percent. */
  delta: string;
  quantity: string;
  /** The total in quote units as typed; only a market order is sent by it. */
  total: string;
  isByTotal: boolean;
  timeInForce: TimeInForce;
  isPostOnly: boolean;
}

export const EMPTY: Draft = {
  side: "BUY", type: "LIMIT", stop: "", price: "", stopLimit: "", delta: "", quantity: "", total: "", isByTotal: false,
  timeInForce: "GTC", isPostOnly: false,
};

/** A field that says at which price an order works, or when. */
export interface PriceField {
  name: "price" | "stop" | "stopLimit" | "delta";
  label: string;
  /** What an empty one means; it must be filled where this is missing. */
  otherwise?: string;
}

/** One order that a draft makes; null for what it does not have, or what is not typed yet. */
export interface Leg {
  type: OrderType;
  price: Amount | null;
  stop: Amount | null;
  /** In hundredths of a percent. */
  delta: bigint | null;
}

const LIMIT_PRICE: PriceField = { name: "price", label: "Limit price" };
const TRIGGER: PriceField = { name: "stop", label: "Trigger" };

export const PRICE_FIELDS: Record<Kind, readonly PriceField[]> = {
  LIMIT: [{ name: "price", label: "Price" }],
  MARKET: [],
  STOP_LIMIT: [TRIGGER, LIMIT_PRICE],
  STOP_MARKET: [TRIGGER],
  TAKE_PROFIT_LIMIT: [TRIGGER, LIMIT_PRICE],
  TAKE_PROFIT_MARKET: [TRIGGER],
  TRAILING: [
    { name: "delta", label: "Trailing delta" },
    { name: "stop", label: "Activation", otherwise: "trails at once" },
    { ...LIMIT_PRICE, otherwise: "at the market" },
  ],
  OCO: [
    { name: "price", label: "Take profit" },
    { name: "stop", label: "Stop loss" },
    { name: "stopLimit", label: "Stop limit", otherwise: "at the market" },
  ],
};

export const KIND_NAMES: Record<Kind, string> = {
  LIMIT: "Limit",
  MARKET: "Market",
  STOP_LIMIT: "Stop-limit",
  STOP_MARKET: "Stop market",
  TAKE_PROFIT_LIMIT: "Take-profit limit",
  TAKE_PROFIT_MARKET: "Take-profit market",
  TRAILING: "Trailing stop",
  OCO: "OCO",
};

/** The orders that an instrument must take for the form to offer a type with a condition. */
const NEEDED: [kind: Kind, types: OrderType[]][] = [
  ["STOP_LIMIT", ["STOP_LOSS_LIMIT"]],
  ["STOP_MARKET", ["STOP_LOSS"]],
  ["TAKE_PROFIT_LIMIT", ["TAKE_PROFIT_LIMIT"]],
  ["TAKE_PROFIT_MARKET", ["TAKE_PROFIT"]],
  ["TRAILING", ["STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"]],
  ["OCO", ["LIMIT_MAKER", "STOP_LOSS", "STOP_LOSS_LIMIT"]],
];

/** In each of these a price means something else: what was typed before is not taken along. */
const OF_THEIR_OWN = new Set<Kind>(["TRAILING", "OCO"]);

/** Hundredths of a percent in an amount of percent: 1.5 is 150. */
export const DELTA_STEP: Amount = 1_000_000n;

/** List the types with a condition that an instrument offers. */
export function conditionalKinds({ orderTypes, hasTrailing, hasOco }: Instrument): Kind[] {
  const isOffered = (kind: Kind): boolean => (kind === "TRAILING" ? hasTrailing : kind === "OCO" ? hasOco : true);
  return NEEDED.filter(([kind, types]) => isOffered(kind) && types.every((type) => orderTypes.has(type))).map(([kind]) => kind);
}

/** Take another type, with nothing left of what meant something else. */
export function withKind(draft: Draft, type: Kind): Draft {
  const keepsPrice = !OF_THEIR_OWN.has(draft.type) && !OF_THEIR_OWN.has(type);
  return { ...withoutAmounts(draft), type, price: keepsPrice ? draft.price : "", delta: "" };
}

/** Empty what belongs to one order alone. */
export function withoutAmounts(draft: Draft): Draft {
  return { ...draft, stop: "", stopLimit: "", quantity: "", total: "", isByTotal: false };
}

/** Put a price that was picked in the book where it can stand. */
export function withPicked(draft: Draft, price: Amount, decimals: number, last: Amount | null): Draft {
  const text = formatAmount(price, decimals);
  if (draft.type === "MARKET") return { ...withKind(draft, "LIMIT"), price: text };
  const isStop = draft.type === "OCO" ? last !== null && price > last === (draft.side === "BUY") : !hasNeededPrice(draft.type);
  return { ...draft, ...(isStop ? { stop: text } : { price: text }), isByTotal: false };
}

/** Say what orders a draft makes as it stands: of an OCO first the one above. */
export function legsOf(draft: Draft, last: Amount | null): Leg[] {
  const { side, type } = draft;
  const [price, stop, stopLimit] = [parseAmount(draft.price), parseAmount(draft.stop), parseAmount(draft.stopLimit)];
  const bare = { price: null, stop: null, delta: null };
  switch (type) {
    case "LIMIT": return [{ ...bare, type: draft.isPostOnly ? "LIMIT_MAKER" : "LIMIT", price }];
    case "MARKET": return [{ ...bare, type: "MARKET" }];
    case "STOP_LIMIT": return [{ ...bare, type: "STOP_LOSS_LIMIT", price, stop }];
    case "STOP_MARKET": return [{ ...bare, type: "STOP_LOSS", stop }];
    case "TAKE_PROFIT_LIMIT": return [{ ...bare, type: "TAKE_PROFIT_LIMIT", price, stop }];
    case "TAKE_PROFIT_MARKET": return [{ ...bare, type: "TAKE_PROFIT", stop }];
    case "TRAILING": {
      // Without an activation both types trail alike; with one the type says from which side the price must come.
      const isProfit = stop !== null && last !== null && stop > last === (side === "SELL");
      const base: "TAKE_PROFIT" | "STOP_LOSS" = isProfit ? "TAKE_PROFIT" : "STOP_LOSS";
      return [{ type: price === null ? base : `${base}_LIMIT`, price, stop, delta: deltaOf(draft) }];
    }
    case "OCO": {
      const profit: Leg = { ...bare, type: "LIMIT_MAKER", price };
      const loss: Leg = { ...bare, type: stopLimit === null ? "STOP_LOSS" : "STOP_LOSS_LIMIT", price: stopLimit, stop };
      return side === "SELL" ? [profit, loss] : [loss, profit];
    }
  }
}

/** Whether all prices that a type needs are typed, and none is zero. */
export function isPriced(draft: Draft): boolean {
  return PRICE_FIELDS[draft.type].every(({ name, otherwise }) =>
    draft[name] === "" ? otherwise !== undefined : (parseAmount(draft[name]) ?? 0n) > 0n,
  );
}

/** Whether a leg takes what the market asks, at once or when it is triggered. */
export function isAtMarket(leg: Leg): boolean {
  return leg.type === "MARKET" || leg.type === "STOP_LOSS" || leg.type === "TAKE_PROFIT";
}

export function takesMarket(draft: Draft): boolean {
  return legsOf(draft, null).some(isAtMarket);
}

/** Whether a time in force is asked for: of what rests at a limit, but not at any other. */
export function isTimed(draft: Draft): boolean {
  return draft.type !== "OCO" && legsOf(draft, null).some((leg) => !isAtMarket(leg));
}

/** Whether the last price must rise for a leg to begin: else it must fall. */
export function isByRise(type: string, side: Side): boolean {
  return type.startsWith("TAKE_PROFIT") === (side === "SELL");
}

/** Say by which price a total is reckoned: the exchange holds so much for a buy. Null while a price is missing. */
export function unitPrice(draft: Draft, last: Amount | null): Amount | null {
  if (!isPriced(draft)) return null;
  const prices = legsOf(draft, last).map((leg) => leg.price ?? leg.stop ?? last);
  return prices.reduce((dearest, price) => (dearest === null || price === null ? null : price > dearest ? price : dearest));
}

/** Read the delta in hundredths of a percent; null if it is none. */
export function deltaOf({ delta }: Draft): bigint | null {
  const percent = parseAmount(delta);
  return percent === null || percent % DELTA_STEP !== 0n ? null : percent / DELTA_STEP;
}

function hasNeededPrice(kind: Kind): boolean {
  return PRICE_FIELDS[kind].some(({ name, otherwise }) => name === "price" && otherwise === undefined);
}
