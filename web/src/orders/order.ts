/** An order as the page shows it, whichever of three shapes of the API it came in. */
import { type Amount, divide, wireAmount } from "../amounts";
import type { Side, WireExecutionReport, WireListStatus, WireOrder, WireOrderList, WirePlacement } from "../api/wire";

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
  /** The price that triggers it; zero without one. */
  stopPrice: Amount;
  /** How far the trigger trails the market, in hundredths of a percent; zero if it does not. */
  trailingDelta: number;
  /** What an iceberg shows at a time; zero if it shows all. */
  iceberg: Amount;
  isPegged: boolean;
  /** Whether it is in the market: not before a stop triggers, nor while a leg waits. */
  isWorking: boolean;
  /** The list it belongs to, or -1. */
  listId: number;
}

/** An order list: orders that the exchange handles as one. */
export interface OrderList {
  id: number;
  symbol: string;
  contingency: string;
  orderIds: number[];
}

const OPEN = new Set(["NEW", "PARTIALLY_FILLED", "PENDING_NEW"]);

export function isOpen(order: Order): boolean {
  return OPEN.has(order.status);
}

export function averagePrice(order: Order): Amount {
  return divide(order.executedQuote, order.executed);
}

/** Say how much was filled in whole percent. */
export function filledPercent(order: Order): number {
  const [part, whole] = order.quantity > 0n ? [order.executed, order.quantity] : [order.executedQuote, order.quoteQuantity];
  return whole === 0n ? 0 : Number((part * 100n) / whole);
}

export function readOrder(wire: WireOrder): Order {
  return {
    id: wire.orderId,
    clientOrderId: wire.clientOrderId,
    symbol: wire.symbol,
    side: wire.side,
    type: wire.type,
    timeInForce: wire.timeInForce,
    price: wireAmount(wire.peggedPrice ?? wire.price),
    quantity: wireAmount(wire.origQty),
    quoteQuantity: wireAmount(wire.origQuoteOrderQty),
    executed: wireAmount(wire.executedQty),
    executedQuote: wireAmount(wire.cummulativeQuoteQty),
    status: wire.status,
    time: wire.time,
    updateTime: wire.updateTime,
    stopPrice: wireAmount(wire.stopPrice ?? "0"),
    trailingDelta: wire.trailingDelta ?? 0,
    iceberg: wireAmount(wire.icebergQty ?? "0"),
    isPegged: wire.pegPriceType !== undefined,
    isWorking: wire.workingTime >= 0,
    listId: wire.orderListId,
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
    price: wireAmount(report.gp ?? report.p),
    quantity: wireAmount(report.q),
    quoteQuantity: wireAmount(report.Q),
    executed: wireAmount(report.z),
    executedQuote: wireAmount(report.Z),
    status: report.X,
    time: report.O,
    updateTime: report.T,
    stopPrice: wireAmount(report.P),
    trailingDelta: report.d ?? 0,
    iceberg: wireAmount(report.F),
    isPegged: report.gP !== undefined,
    isWorking: report.W !== undefined,
    listId: report.g,
  };
}

export function readList(wire: WireOrderList): OrderList {
  return { id: wire.orderListId, symbol: wire.symbol, contingency: wire.contingencyType, orderIds: wire.orders.map((leg) => leg.orderId) };
}

export function readListStatus(event: WireListStatus): OrderList {
  return { id: event.g, symbol: event.s, contingency: event.c, orderIds: event.O.map((leg) => leg.i) };
}

/** Whether `next` says more than `known`: answers and events of one order may arrive in either order. */
export function isNewer(next: Order, known: Order | undefined): boolean {
  if (known === undefined) return true;
  if (next.executed !== known.executed) return next.executed > known.executed;
  if (!isOpen(known) || !isOpen(next)) return !isOpen(next);
  // A leg that works waits no more: an older answer may arrive after the event that says so.
  return next.updateTime >= known.updateTime && (next.status === "PENDING_NEW" ? known.status === "PENDING_NEW" : true);
}

/** Sort by the time that a table shows: when an order was placed, or when it last changed. */
export function newestFirst(orders: Order[], by: "time" | "updateTime"): Order[] {
  return orders.sort((left, right) => right[by] - left[by] || right.id - left.id);
}
