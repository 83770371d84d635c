/** An order as the page shows it, whichever of three shapes of the API it came in. */
import { type Amount, divide, grouped, trimAmount, wireAmount } from "../amounts";
import type { Side, WireExecutionReport, WireOrder, WirePlacement } from "../api/wire";

export interface Order {
  id: number;
  clientOrderId: string;
  symbol: string;
  side: Side;
  type: string;
  timeInForce: string;
  price: Amount;
  quantity: Amount;
  quoteQuantity: Amount;
  executed: Amount;
  executedQuote: Amount;
  status: string;
  time: number;
  updateTime: number;
}

const OPEN = new Set(["NEW", "PARTIALLY_FILLED", "PENDING_NEW"]);

const STATUS_WORDS: Record<string, string> = {
  NEW: "Open",
  PARTIALLY_FILLED: "Partly filled",
  FILLED: "Filled",
  CANCELED: "Canceled",
  REJECTED: "Rejected",
  EXPIRED: "Expired",
  EXPIRED_IN_MATCH: "Expired (own order)",
};

export function isOpen(order: Order): boolean {
  return OPEN.has(order.status);
}

export function statusWords(order: Order): string {
  return STATUS_WORDS[order.status] ?? order.status;
}

/** Name the type as a trader does: a resting-only limit order is "Post-only". */
export function typeWords(order: Order): string {
  if (order.type === "LIMIT_MAKER") return "Post-only";
  if (order.type === "MARKET") return "Market";
  return order.timeInForce === "GTC" ? "Limit" : `Limit ${order.timeInForce}`;
}

export function averagePrice(order: Order): Amount {
  return divide(order.executedQuote, order.executed);
}

/** Say how much was filled in whole percent. */
export function filledPercent(order: Order): number {
  const [part, whole] = order.quantity > 0n ? [order.executed, order.quantity] : [order.executedQuote, order.quoteQuantity];
  return whole === 0n ? 0 : Number((part * 100n) / whole);
}

/** Say what an order is in one line: Buy 0.5 BTC at 67,000. */
export function orderLine(order: Order, base: string, quote: string): string {
  const verb = order.side === "BUY" ? "Buy" : "Sell";
  const what = order.quantity > 0n ? `${trimAmount(order.quantity)} ${base}` : `for ${trimAmount(order.quoteQuantity)} ${quote}`;
  return order.type === "MARKET" ? `${verb} ${what} at market` : `${verb} ${what} at ${grouped(trimAmount(order.price))}`;
}

export function readOrder(wire: WireOrder): Order {
  return {
    id: wire.orderId,
    clientOrderId: wire.clientOrderId,
    symbol: wire.symbol,
    side: wire.side,
    type: wire.type,
    timeInForce: wire.timeInForce,
    price: wireAmount(wire.price),
    quantity: wireAmount(wire.origQty),
    quoteQuantity: wireAmount(wire.origQuoteOrderQty),
    executed: wireAmount(wire.executedQty),
    executedQuote: wireAmount(wire.cummulativeQuoteQty),
    status: wire.status,
    time: wire.time,
    updateTime: wire.updateTime,
  };
}

export function readPlacement(wire: WirePlacement): Order {
  return readOrder({ ...wire, time: wire.transactTime, updateTime: wire.transactTime });
}

export function readReport(report: WireExecutionReport): Order {
  return {
    id: report.i,
    // A cancel has an id of its own; the order's is then the original one.
    clientOrderId: report.C === "" ? report.c : report.C,
    symbol: report.s,
    side: report.S,
    type: report.o,
    timeInForce: report.f,
    price: wireAmount(report.p),
    quantity: wireAmount(report.q),
    quoteQuantity: wireAmount(report.Q),
    executed: wireAmount(report.z),
    executedQuote: wireAmount(report.Z),
    status: report.X,
    time: report.O,
    updateTime: report.T,
  };
}

/** Whether `next` says more than `known`: answers and events of one order may arrive in either order. */
export function isNewer(next: Order, known: Order | undefined): boolean {
  if (known === undefined) return true;
  if (next.executed !== known.executed) return next.executed > known.executed;
  return isOpen(known) || !isOpen(next);
}
