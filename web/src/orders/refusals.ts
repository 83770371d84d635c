/**
 * What to do about a refusal.
 *
 * In:    the exchange's error, what was sent, the instrument.
 * Out:   a sentence that says the next step, and the exchange's own code.
 * Never: hides a refusal that it does not know: its message is shown as it came.
 */
import { grouped, trimAmount } from "../amounts";
import { ApiError, messageOf } from "../api/rest";
import type { Params } from "../api/signing";
import type { Instrument } from "../market/instruments";
import { isByRise } from "./draft";
import { boundsWords, deltaWords, marketLotOf, type Reference } from "./rules";

export interface Refusal {
  advice: string;
  code: string;
}

const FILTER = /^Filter failure: ([A-Z_]+)$/;

/** Whoever reads a sentence about a filter: what was ordered, on which instrument, at which average. */
interface Cause {
  instrument: Instrument;
  side: "BUY" | "SELL";
  /** The type that was sent; none of a list. */
  type: string;
  average: Reference;
}

const BY_FILTER: Record<string, (cause: Cause) => string> = {
  PRICE_FILTER: ({ instrument: { tick, leastPrice, mostPrice, quote } }) =>
    `Choose a price from ${said(leastPrice)} to ${said(mostPrice)} ${quote}, in steps of ${said(tick)}.`,
  PERCENT_PRICE: tooFar,
  PERCENT_PRICE_BY_SIDE: tooFar,
  LOT_SIZE: ({ instrument: { lot, base } }) => `Choose an amount from ${said(lot.least)} to ${said(lot.most)} ${base}, in steps of ${said(lot.step)}.`,
  MARKET_LOT_SIZE: ({ instrument }) => {
    const lot = marketLotOf(instrument);
    return `A market order takes from ${said(lot.least)} to ${said(lot.most)} ${instrument.base}, in steps of ${said(lot.step)}: choose such an amount, or send several orders.`;
  },
  MIN_NOTIONAL: total,
  NOTIONAL: total,
  MAX_NUM_ORDERS: ({ instrument }) => `You have as many open orders on ${pair(instrument)} as are allowed${most(instrument.ordersMost)}: cancel one first.`,
  MAX_NUM_ALGO_ORDERS: ({ instrument }) =>
    `You have as many stop and take-profit orders on ${pair(instrument)} as are allowed${most(instrument.algoOrdersMost)}: cancel one first.`,
  MAX_NUM_ORDER_LISTS: ({ instrument }) => `You have as many open lists on ${pair(instrument)} as are allowed${most(instrument.listsMost)}: cancel one first.`,
  TRAILING_DELTA: ({ instrument, side, type }) =>
    `Choose a trailing delta ${deltaWords(instrument.trailing[isByRise(type, side) ? "above" : "below"])}.`,
  EXCHANGE_MAX_NUM_ORDER_LISTS: () => "You have as many open lists as are allowed: cancel one first.",
  EXCHANGE_MAX_NUM_ORDERS: () => "You have as many open orders as are allowed: cancel one first.",
  EXCHANGE_MAX_NUM_ALGO_ORDERS: () => "You have as many stop and take-profit orders as are allowed: cancel one first.",
  MAX_POSITION: ({ instrument: { base } }) => `You would hold more ${base} than is allowed: buy less, or cancel other buy orders first.`,
};

const BY_MESSAGE: Record<string, (cause: Cause) => string> = {
  "Account has insufficient balance for requested action.": ({ side, instrument }) =>
    `Not enough ${side === "BUY" ? instrument.quote : instrument.base} is available: lower the amount, or cancel an open order that holds some.`,
  "Order would immediately match and take.": ({ type }) =>
    type === ""
      ? "The take profit may not fill at once: move its price away from the market."
      : "A post-only order may not fill at once: move the price away from the market, or untick Post-only.",
  "The relationship of the prices for the orders is not correct.": ({ side }) =>
    side === "SELL"
      ? "The take profit must be above the last price, and the stop loss below it: the price has moved, choose other ones."
      : "The take profit must be below the last price, and the stop loss above it: the price has moved, choose other ones.",
  "A trailing stop without stopPrice needs a last price, and there is none.": () =>
    "Nothing was traded yet, so there is no price to trail: wait for a first trade, or place a limit order.",
  "Order would trigger immediately.": () => "The last price has reached the trigger already: choose another one, or a limit order.",
};

/** Say what a person can do about a refused order. */
export function refusalOf(error: unknown, instrument: Instrument | undefined, params: Params, average: Reference): Refusal {
  const message = messageOf(error);
  const filter = FILTER.exec(message)?.[1];
  const number = error instanceof ApiError && error.code !== 0 ? String(error.code) : "";
  const code = [filter, number].filter(Boolean).join(" · ");
  const say = filter === undefined ? BY_MESSAGE[message] : BY_FILTER[filter];
  if (say === undefined || instrument === undefined) return { advice: message, code: number };
  return { advice: say({ instrument, side: params["side"] === "SELL" ? "SELL" : "BUY", type: String(params["type"] ?? ""), average }), code };
}

function tooFar({ side, instrument, average }: Cause): string {
  const bounds = boundsWords(side, instrument, average);
  return `The price is too far from the average of recent trades: choose one ${bounds ?? "nearer to the last price"}.`;
}

function total({ instrument: { leastNotional, mostNotional, quote } }: Cause): string {
  const upTo = mostNotional > 0n ? ` and at most ${said(mostNotional)}` : "";
  return `Change amount or price until the total is at least ${said(leastNotional)}${upTo} ${quote}.`;
}

function pair({ base, quote }: Instrument): string {
  return `${base}/${quote}`;
}

function most(count: number): string {
  return count === 0 ? "" : ` (${count})`;
}

function said(amount: bigint): string {
  return grouped(trimAmount(amount));
}
