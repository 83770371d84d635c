/**
 * The signed-in account: balances, orders and fills, kept current by its private events.
 *
 * In:    the account's REST answers and its events.
 * Out:   signals that the panels read; a notice for every fill.
 * Never: adds up balances itself; the exchange says them.
 */
import { batch, computed, effect, signal } from "@preact/signals";
import { type Amount, formatAmount, grouped, trimAmount, wireAmount } from "../amounts";
import type { ExchangeClock } from "../api/clock";
import { messageOf, type RestClient } from "../api/rest";
import { type Connection } from "../api/socket";
import { UserStream } from "../api/user_stream";
import type { WireAccount, WireExecutionReport, WireFill, WireOrder, WireOrderList, WireUserEvent } from "../api/wire";
import type { Market } from "../market/market";
import { averagePrice, isNewer, isOpen, newestFirst, type Order, type OrderList, readList, readListStatus, readOrder, readReport } from "../orders/order";
import { fillWords, orderLine } from "../orders/words";
import type { Toasts } from "../ui/toasts";
import type { Session } from "./session";

export interface Balance {
  available: Amount;
  held: Amount;
}

export interface Fill {
  id: number;
  symbol: string;
  orderId: number;
  price: Amount;
  quantity: Amount;
  quoteQuantity: Amount;
  commission: Amount;
  commissionAsset: string;
  time: number;
  isBuy: boolean;
  isMaker: boolean;
}

const ROWS_MOST = 200;
const POLL_MS = 5_000;
const RETRY_MS = 2_000;
const RETRY_MOST_MS = 30_000;
const FILLS_MOST = 2_000;
const NO_BALANCES = "Balances could not be loaded";
const NO_HISTORY = "History could not be loaded";

export class Portfolio {
  readonly balances = signal<ReadonlyMap<string, Balance>>(new Map());
  readonly orders = signal<ReadonlyMap<string, Order>>(new Map());
  readonly lists = signal<ReadonlyMap<number, OrderList>>(new Map());
  readonly fills = signal<readonly Fill[]>([]);
  readonly isLoaded = signal(false);
  readonly connection = signal<Connection>("connecting");
  readonly openOrders = computed(() => newestFirst([...this.orders.value.values()].filter(isOpen), "time"));
  readonly pastOrders = computed(() => {
    const symbol = this.market.symbol.value;
    return newestFirst([...this.orders.value.values()].filter((order) => !isOpen(order) && order.symbol === symbol), "updateTime");
  });
  readonly pastFills = computed(() => this.fills.value.filter((fill) => fill.symbol === this.market.symbol.value));

  private readonly complaints = new Set<string>();
  /** Counts the times somebody began to fetch what was missed: the newest goes on. */
  private fetcher = 0;

  constructor(
    private readonly rest: RestClient,
    private readonly clock: ExchangeClock,
    private readonly session: Session,
    private readonly market: Market,
    private readonly toasts: Toasts,
  ) {
    effect(() => this.follow());
    effect(() => {
      const symbol = this.market.symbol.value;
      if (symbol !== "" && this.session.credentials.value !== null) void this.loadPast(symbol);
    });
  }

  available(asset: string): Amount {
    return this.balances.value.get(asset)?.available ?? 0n;
  }

  /** Take an order the exchange told us of, unless something newer is known. */
  takeOrder(order: Order): void {
    const key = orderKey(order);
    if (isNewer(order, this.orders.peek().get(key))) this.orders.value = new Map(this.orders.peek()).set(key, order);
  }

  /** Take a list that the exchange told us of, with its orders. */
  takeList(list: OrderList, orders: Order[]): void {
    batch(() => {
      this.putLists([list]);
      for (const order of orders) this.takeOrder(order);
    });
  }

  /** List the open orders that end when this one is canceled: it, and all of its list. */
  endingWith(order: Order): Order[] {
    if (order.listId === -1) return [order];
    return this.openOrders.value.filter(({ symbol, listId }) => symbol === order.symbol && listId === order.listId);
  }

  /** Fetch balances and open orders anew; return false if they were not to be had. */
  async refresh(): Promise<boolean> {
    const credentials = this.session.credentials.peek();
    if (credentials === null) return true;
    try {
      const askedAt = await this.clock.now();
      const [account, open, lists] = await Promise.all([
        this.rest.signed<WireAccount>("GET", "/api/v3/account"),
        this.rest.signed<WireOrder[]>("GET", "/api/v3/openOrders"),
        this.rest.signed<WireOrderList[]>("GET", "/api/v3/openOrderList"),
      ]);
      if (this.session.credentials.peek() !== credentials) return true;
      batch(() => {
        this.putBalances(account.balances.map(({ asset, free, locked }) => [asset, free, locked]));
        this.putLists(lists.map(readList));
        this.putOpenOrders(open.map(readOrder), askedAt);
        this.isLoaded.value = true;
        this.complaints.delete(NO_BALANCES);
      });
      return true;
    } catch (error) {
      if (this.session.credentials.peek() === credentials) this.complain(NO_BALANCES, error);
      return false;
    }
  }

  /** Say once that something is not to be had: it is asked for again and again, and there may be more urgent notices. */
  private complain(title: string, error: unknown): void {
    if (this.complaints.has(title)) return;
    this.complaints.add(title);
    this.toasts.show("bad", title, messageOf(error), "load");
  }

  private follow(): (() => void) | undefined {
    const credentials = this.session.credentials.value;
    if (credentials === null) return undefined;
    const stream = new UserStream(this.clock, credentials, {
      onSubscribed: () => void this.refreshAtLast(),
      onEvent: (event) => this.takeEvent(event),
      onKeyRefused: () => void this.session.expire(),
    });
    const unfollow = stream.connection.subscribe((connection) => (this.connection.value = connection));
    void this.refresh();
    const polling = window.setInterval(() => document.hidden || this.catchUp(), POLL_MS);
    return () => {
      window.clearInterval(polling);
      unfollow();
      stream.close();
      this.forget();
    };
  }

  /** Fetch what the events would have said, if they cannot arrive. */
  catchUp(): void {
    if (this.connection.peek() !== "open") void this.refreshAll();
  }

  private async refreshAll(): Promise<boolean> {
    const loaded = await Promise.all([this.refresh(), this.loadPast(this.market.symbol.peek())]);
    return !loaded.includes(false);
  }

  /**
   * Fetch what was missed as often as it takes: no event says it again, and nothing is polled while events flow. Ever more
   * seldom, for what is asked weighs much of what a minute allows.
   */
  private async refreshAtLast(): Promise<void> {
    this.fetcher += 1;
    const fetcher = this.fetcher;
    const credentials = this.session.credentials.peek();
    for (let pause = RETRY_MS; !(await this.refreshAll()); pause = Math.min(2 * pause, RETRY_MOST_MS)) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      const isOver = this.fetcher !== fetcher || this.session.credentials.peek() !== credentials;
      if (isOver || this.connection.peek() !== "open") return;
    }
  }

  private async loadPast(symbol: string): Promise<boolean> {
    const credentials = this.session.credentials.peek();
    if (symbol === "") return true;
    try {
      const [orders, fills, lists] = await Promise.all([
        this.rest.signed<WireOrder[]>("GET", "/api/v3/allOrders", { symbol, limit: ROWS_MOST }),
        this.rest.signed<WireFill[]>("GET", "/api/v3/myTrades", { symbol, limit: ROWS_MOST }),
        this.rest.signed<WireOrderList[]>("GET", "/api/v3/allOrderList", { limit: ROWS_MOST }),
      ]);
      if (this.session.credentials.peek() !== credentials) return true;
      batch(() => {
        this.putLists(lists.map(readList));
        for (const order of orders) this.takeOrder(readOrder(order));
        this.addFills(fills.map(readFill));
      });
      this.complaints.delete(NO_HISTORY);
      return true;
    } catch (error) {
      if (this.session.credentials.peek() === credentials) this.complain(NO_HISTORY, error);
      return false;
    }
  }

  private takeEvent(event: WireUserEvent): void {
    if (event.e === "outboundAccountPosition") this.putBalances(event.B.map(({ a, f, l }) => [a, f, l]));
    else if (event.e === "balanceUpdate") void this.refresh();
    else if (event.e === "executionReport") this.takeReport(event);
    else if (event.e === "listStatus") this.putLists([readListStatus(event)]);
  }

  private takeReport(report: WireExecutionReport): void {
    // A refused placement is answered where it was made; it never became an order.
    if (report.x === "REJECTED") return;
    const order = readReport(report);
    this.takeOrder(order);
    if (report.x !== "TRADE") return;
    this.addFills([
      {
        id: report.t,
        symbol: report.s,
        orderId: report.i,
        price: wireAmount(report.L),
        quantity: wireAmount(report.l),
        quoteQuantity: wireAmount(report.Y),
        commission: wireAmount(report.n),
        commissionAsset: report.N ?? "",
        time: report.T,
        isBuy: report.S === "BUY",
        isMaker: report.m,
      },
    ]);
    this.announceFill(order);
  }

  /** Show one notice an order, brought up to date by every further fill. */
  announceFill(told: Order): void {
    // The answer to a placement says how the order ended; the events of its fills may come after it.
    const order = this.orders.peek().get(orderKey(told)) ?? told;
    const instrument = this.market.instruments.peek().find((each) => each.symbol === order.symbol);
    if (instrument === undefined || order.executed === 0n) return;
    const detail = `${order.side === "BUY" ? "Bought" : "Sold"} ${trimAmount(order.executed)} ${instrument.base} at ${grouped(
      formatAmount(averagePrice(order), instrument.priceDecimals),
    )} ${instrument.quote}`;
    this.toasts.show("good", `${fillWords(order)}: ${orderLine(order, instrument.base, instrument.quote)}`, detail, `order-${orderKey(order)}`);
  }

  private putBalances(rows: [asset: string, free: string, locked: string][]): void {
    const balances = new Map(this.balances.peek());
    for (const [asset, free, locked] of rows) balances.set(asset, { available: wireAmount(free), held: wireAmount(locked) });
    this.balances.value = balances;
  }

  private putLists(lists: OrderList[]): void {
    if (lists.length > 0) this.lists.value = new Map([...this.lists.peek(), ...lists.map((list) => [list.id, list] as const)]);
  }

  /** An order that we think open, but that the exchange did not list, ended while we were not listening. */
  private putOpenOrders(open: Order[], askedAt: number): void {
    const listed = new Set(open.map(orderKey));
    const kept = [...this.orders.peek()].filter(
      ([key, order]) => !isOpen(order) || listed.has(key) || order.updateTime >= askedAt,
    );
    this.orders.value = new Map(kept);
    for (const order of open) this.takeOrder(order);
  }

  private addFills(fills: Fill[]): void {
    const byId = new Map([...this.fills.peek(), ...fills].map((fill) => [`${fill.symbol} ${fill.id}`, fill]));
    this.fills.value = [...byId.values()].sort((left, right) => right.time - left.time || right.id - left.id).slice(0, FILLS_MOST);
  }

  private forget(): void {
    batch(() => {
      this.balances.value = new Map();
      this.orders.value = new Map();
      this.lists.value = new Map();
      this.fills.value = [];
      this.isLoaded.value = false;
      this.complaints.clear();
    });
  }
}

/** Order ids are dense per instrument, so only both together name one order. */
export function orderKey(order: Order): string {
  return `${order.symbol} ${order.id}`;
}

function readFill(wire: WireFill): Fill {
  return {
    id: wire.id,
    symbol: wire.symbol,
    orderId: wire.orderId,
    price: wireAmount(wire.price),
    quantity: wireAmount(wire.qty),
    quoteQuantity: wireAmount(wire.quoteQty),
    commission: wireAmount(wire.commission),
    commissionAsset: wire.commissionAsset,
    time: wire.time,
    isBuy: wire.isBuyer,
    isMaker: wire.isMaker,
  };
}
