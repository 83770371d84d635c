/**
 * An order in words, as tables and notices say them.
 *
 * In:    orders and order lists.
 * Out:   text for people; "–" where there is nothing to say.
 * Never: what the exchange did not say.
 */
import { type Amount, grouped, trimAmount } from "../amounts";
import type { Side } from "../api/wire";
import type { Order, OrderList } from "./order";

const NOTHING = "–";

const STATUS_WORDS: Record<string, string> = {
  NEW: "Open",
  PENDING_NEW: "Waiting",
  PARTIALLY_FILLED: "Partly filled",
  FILLED: "Filled",
  CANCELED: "Canceled",
  REJECTED: "Rejected",
  EXPIRED: "Expired",
  EXPIRED_IN_MATCH: "Expired (own order)",
};

const TYPE_WORDS: Record<string, string> = {
  LIMIT: "Limit",
  LIMIT_MAKER: "Limit Maker",
  MARKET: "Market",
  STOP_LOSS: "Stop Loss",
  STOP_LOSS_LIMIT: "Stop Loss Limit",
  TAKE_PROFIT: "Take Profit",
  TAKE_PROFIT_LIMIT: "Take Profit Limit",
};

const AT_MARKET = new Set(["MARKET", "STOP_LOSS", "TAKE_PROFIT"]);

export function statusWords(order: Order): string {
  return STATUS_WORDS[order.status] ?? order.status;
}

/** Say how far an order was filled, and what became of the rest. */
export function fillWords(order: Order): string {
  if (order.status === "FILLED") return "Filled";
  return order.status.startsWith("EXPIRED") ? "Partly filled, the rest expired" : "Partly filled";
}

/** Name the type as a trader does, with what makes it unlike others of its type. */
export function typeWords(order: Order): string {
  const type = TYPE_WORDS[order.type] ?? order.type;
  // What fills at the market and a post-only order have no choice of lifetime worth a word.
  const lifetime = order.timeInForce === "GTC" || isAtMarket(order) || order.type === "LIMIT_MAKER" ? "" : ` ${order.timeInForce}`;
  return `${order.trailingDelta > 0 ? "Trailing " : ""}${type}${lifetime}${order.isPegged ? ", pegged" : ""}`;
}

/** Say the limit price, or that the order takes the market's. */
export function priceWords(order: Order, decimals = 0): string {
  if (isAtMarket(order)) return "Market";
  return order.price === 0n ? NOTHING : money(order.price, decimals);
}

/** Say what the last price must do before the order works. */
export function triggerWords(order: Order, decimals = 0): string {
  const stop = order.stopPrice === 0n ? "" : stopWords(order.type, order.side, order.stopPrice, decimals);
  if (order.trailingDelta === 0) return stop === "" ? NOTHING : stop;
  const trailing = `Trailing ${percent(order.trailingDelta)} %`;
  return stop === "" ? trailing : `${trailing}, from ${stop}`;
}

/** Say whether a conditional order has met its condition, or what a leg waits for; nothing of an order at work. */
export function waitingWords(order: Order, list: OrderList | undefined): string {
  if (order.status === "PENDING_NEW") {
    const working = list?.orderIds[0];
    return working === undefined || working === order.id ? "Waits for its working order" : `Waits for order ${working}`;
  }
  return order.isWorking && isConditional(order) ? "Triggered" : "";
}

/** Name the kind of list: three orders under one that works are an OTOCO. */
export function listWords(list: OrderList | undefined): string {
  if (list === undefined) return "List";
  return list.contingency === "OTO" && list.orderIds.length > 2 ? "OTOCO" : list.contingency;
}

/** Say what an iceberg shows at a time. */
export function icebergWords(order: Order, decimals = 0): string {
  return order.iceberg === 0n ? "" : `Shows ${trimAmount(order.iceberg, decimals)}`;
}

/** Say what an order is in one line: Buy 0.5 BTC at 67,000. */
export function orderLine(order: Order, base: string, quote: string): string {
  const verb = order.side === "BUY" ? "Buy" : "Sell";
  // The exchange gives an order by total the quantity that it bought.
  const what = order.quoteQuantity > 0n ? `for ${grouped(trimAmount(order.quoteQuantity))} ${quote}` : `${trimAmount(order.quantity)} ${base}`;
  return `${verb} ${what} at ${placeLine(order)}`;
}

function placeLine(order: Order): string {
  const price = isAtMarket(order) ? "market" : priceWords(order);
  return isConditional(order) ? `${price}, ${TYPE_WORDS[order.type] ?? order.type}: ${triggerWords(order)}` : price;
}

/** Say what the orders of a list are in one line: Sell 0.5 BTC at 67,000; or at market, Stop Loss: Last ≤ 60,000. */
export function listLine(orders: readonly Order[], base: string, quote: string): string {
  const [first, ...others] = [...orders].sort((left, right) => Number(isConditional(left)) - Number(isConditional(right)));
  if (first === undefined) return "";
  return [orderLine(first, base, quote), ...others.map((order) => `or at ${placeLine(order)}`)].join("; ");
}

/** Name what a cancel of one order ends: with it go all others of its list that are open. */
export function cancelWords(legs: number): string {
  return legs < 2 ? "Cancel" : legs === 2 ? "Cancel both" : `Cancel all ${legs}`;
}

function isAtMarket(order: Order): boolean {
  return AT_MARKET.has(order.type);
}

function isConditional(order: Order): boolean {
  return order.stopPrice > 0n || order.trailingDelta > 0;
}

/** A stop buys into a rise and sells into a fall; a take-profit does the reverse. */
function stopWords(type: string, side: Side, stop: Amount, decimals: number): string {
  const isByRise = type.startsWith("TAKE_PROFIT") !== (side === "BUY");
  return `Last ${isByRise ? "≥" : "≤"} ${money(stop, decimals)}`;
}

function money(amount: Amount, decimals: number): string {
  return grouped(trimAmount(amount, decimals));
}

function percent(hundredths: number): string {
  return `${Math.floor(hundredths / 100)}.${String(hundredths % 100).padStart(2, "0")}`;
}
