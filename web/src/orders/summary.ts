/**
 * What an order with a condition will do, in a sentence, before it is sent.
 *
 * In:    a draft, its instrument, the last price.
 * Out:   what it will do; while something is missing, what its type does.
 * Never: a promise: the market decides what becomes of it.
 */
import { type Amount, ceilTo, floorTo, grouped, parseAmount, trimAmount } from "../amounts";
import type { Instrument } from "../market/instruments";
import { DELTA_STEP, type Draft, isAtMarket, isByRise, isPriced, type Leg, legsOf } from "./draft";

const LIFETIME_WORDS = { GTC: "", IOC: ", as much as fills at once", FOK: ", all at once or nothing" };

/** Say what a draft will do; nothing of one without a condition. */
export function summaryOf(draft: Draft, instrument: Instrument, last: Amount | null): string {
  if (draft.type === "LIMIT" || draft.type === "MARKET") return "";
  const quantity = parseAmount(draft.quantity) ?? 0n;
  const legs = legsOf(draft, last);
  const [leg] = legs;
  const isReady = isPriced(draft) && quantity > 0n && legs.every(({ delta }) => draft.type !== "TRAILING" || delta !== null);
  if (leg === undefined || !isReady) return hintOf(draft);
  const what = `${verb(draft)} ${trimAmount(quantity)} ${instrument.base}`;
  if (draft.type === "OCO") return pairWords(legs, what, instrument, draft);
  const how = `${what} ${placeWords(leg, draft, instrument)}`;
  if (draft.type === "TRAILING") return trailWords(leg, how, draft, instrument, last);
  return `If the price ${moves(isByRise(leg.type, draft.side))} to ${said(leg.stop, instrument)}, ${how}.`;
}

/** Say what a type does, and which price stands where. */
function hintOf(draft: Draft): string {
  const isBuy = draft.side === "BUY";
  if (draft.type === "OCO") {
    const [profit, loss] = isBuy ? ["below", "above"] : ["above", "below"];
    return `A take profit ${profit} the last price and a stop loss ${loss} it, for one amount: when one of them works, the other ends.`;
  }
  if (draft.type === "TRAILING") {
    const [way, turn, extreme] = isBuy ? ["down", "rises", "lowest"] : ["up", "falls", "highest"];
    return `Follows the price ${way}, and ${verb(draft)} once it ${turn} by the delta from its ${extreme}.`;
  }
  const [leg] = legsOf(draft, null);
  if (leg === undefined) return "";
  const where = isAtMarket(leg) ? "at the market" : `at the limit price or ${better(draft)}`;
  return `Waits until the price ${moves(isByRise(leg.type, draft.side))} to the trigger, then ${verb(draft)} ${where}.`;
}

function pairWords(legs: Leg[], what: string, instrument: Instrument, draft: Draft): string {
  const profit = legs.find(({ stop }) => stop === null);
  const loss = legs.find(({ stop }) => stop !== null);
  if (profit === undefined || loss === undefined) return "";
  const where = isAtMarket(loss) ? "at the market" : `at ${said(loss.price, instrument)}`;
  const condition = `if the price ${moves(draft.side === "BUY")} to ${said(loss.stop, instrument)}`;
  return `${capital(what)} at ${said(profit.price, instrument)}; or, ${condition}, ${where}.`;
}

function trailWords(leg: Leg, how: string, draft: Draft, instrument: Instrument, last: Amount | null): string {
  const isBuy = draft.side === "BUY";
  const [way, turn, extreme] = isBuy ? ["down", "rises", "lowest"] : ["up", "falls", "highest"];
  const delta = leg.delta ?? 0n;
  const condition = `once it ${turn} ${trimAmount(delta * DELTA_STEP)}% from its ${extreme}`;
  if (leg.stop !== null) {
    const begin = `When the price ${moves(isByRise(leg.type, draft.side))} to ${said(leg.stop, instrument)}`;
    return `${begin}, follows it ${way} from there, and ${how} ${condition}.`;
  }
  const now = last === null ? "" : `, now at ${said(turnsAt(last, delta, isBuy, instrument.tick), instrument)}`;
  return `Follows the price ${way}, and ${how} ${condition}${now}.`;
}

/** Say at which price an order that trails from `extreme` begins, on the tick. */
function turnsAt(extreme: Amount, delta: bigint, isBuy: boolean, tick: Amount): Amount {
  return isBuy ? ceilTo((extreme * (10_000n + delta)) / 10_000n, tick) : floorTo((extreme * (10_000n - delta)) / 10_000n, tick);
}

function placeWords(leg: Leg, draft: Draft, instrument: Instrument): string {
  if (isAtMarket(leg)) return "at the market";
  return `at ${said(leg.price, instrument)} or ${better(draft)}${LIFETIME_WORDS[draft.timeInForce]}`;
}

function verb({ side }: Draft): string {
  return side === "BUY" ? "buys" : "sells";
}

function better({ side }: Draft): string {
  return side === "BUY" ? "lower" : "higher";
}

function moves(isUp: boolean): string {
  return isUp ? "rises" : "falls";
}

function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function said(price: Amount | null, { priceDecimals }: Instrument): string {
  return price === null ? "" : grouped(trimAmount(price, priceDecimals));
}
