/**
 * The public market as the page shows it.
 *
 * In:    instruments, tickers, books and trades of the public API.
 * Out:   signals that the panels read.
 * Never: anything about an account.
 */
import { computed, effect, signal } from "@preact/signals";
import { type Amount, wireAmount } from "../amounts";
import type { MarketStream } from "../api/market_stream";
import { messageOf, type RestClient } from "../api/rest";
import type { WireAverage, WireAverageEvent, WireExchangeInfo, WireMiniTicker, WireTicker, WireTrade, WireTradeEvent } from "../api/wire";
import { BookFeed } from "./book_feed";
import { type Instrument, readInstrument } from "./instruments";

export interface Ticker {
  open: Amount;
  last: Amount;
  high: Amount;
  low: Amount;
  volume: Amount;
  quoteVolume: Amount;
}

export interface Trade {
  id: number;
  price: Amount;
  quantity: Amount;
  time: number;
  isBuy: boolean;
}

const TRADES_KEPT = 60;
const RETRY_MS = 2_000;
const POLL_MS = 3_000;
const SYMBOL_KEY = "openbourse.symbol";

export class Market {
  readonly instruments = signal<readonly Instrument[]>([]);
  readonly tickers = signal<ReadonlyMap<string, Ticker>>(new Map());
  readonly symbol = signal("");
  readonly instrument = computed(() => this.instruments.value.find((each) => each.symbol === this.symbol.value) ?? null);
  readonly ticker = computed(() => this.tickers.value.get(this.symbol.value) ?? null);
  /** What the exchange measures a price's distance from; null until it is known. */
  readonly average = computed(() => (this.instrument.value?.averageMinutes === 0 ? this.ticker.value?.last : this.recentAverage.value) || null);
  readonly feed = signal<BookFeed | null>(null);
  readonly trades = signal<readonly Trade[]>([]);
  readonly areTradesLoaded = signal(false);
  readonly failure = signal("");
  /** The price last clicked in the book; the order form takes it. The count makes equal clicks differ. */
  readonly picked = signal<{ price: Amount; count: number } | null>(null);

  /** Since when nothing is heard of the exchange, by its stream or by asking; null while something is. */
  readonly staleSince = signal<number | null>(null);

  /** Counts the times the market was fetched because its stream is lost. */
  readonly polls = signal(0);

  private heardAt = Date.now();
  private readonly recentAverage = signal<Amount | null>(null);
  private newTrades: Trade[] = [];
  private frame = 0;

  constructor(
    readonly rest: RestClient,
    readonly stream: MarketStream,
  ) {}

  /** Load the instruments, choose one and follow it. */
  async start(): Promise<void> {
    this.stream.subscribe("!miniTicker@arr", (data) => this.takeTickers(data as WireMiniTicker[]));
    await this.loadAtLast();
    this.stream.onReopen(() => void this.loadAtLast());
    window.addEventListener("hashchange", () => this.chooseFromAddress());
    this.chooseFromAddress();
    effect(() => this.follow(this.symbol.value));
    window.setInterval(() => this.pollIfLost(), POLL_MS);
  }

  /** Show another instrument. */
  choose(symbol: string): void {
    location.hash = symbol;
  }

  pick(price: Amount): void {
    this.picked.value = { price, count: (this.picked.value?.count ?? 0) + 1 };
  }

  /** Load as often as it takes: the stream may be back before the rest of the exchange is. */
  private async loadAtLast(): Promise<void> {
    while (!(await this.load())) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }

  private async load(): Promise<boolean> {
    try {
      const info = await this.rest.get<WireExchangeInfo>("/api/v3/exchangeInfo");
      this.instruments.value = info.symbols.map(readInstrument);
      if (info.symbols.length === 0) throw new Error("Nothing is listed yet.");
      await this.loadTickers();
      this.failure.value = "";
      return true;
    } catch (error) {
      // What is shown stays: it is only of some time ago.
      if (this.instruments.value.length > 0) this.staleSince.value = this.heardAt;
      else this.failure.value = messageOf(error);
      return false;
    }
  }

  /** Without the stream (a proxy that knows no sockets, a restart) the page still moves, only slower. */
  private pollIfLost(): void {
    if (this.stream.connection.value !== "lost" || document.hidden) return;
    this.feed.value?.poll();
    void this.loadTrades(this.symbol.value);
    void this.loadAverage(this.symbol.value);
    this.loadTickers().catch(() => {
      // The next poll tries again; a stream that is back meanwhile says more than an answer that never came.
      if (this.stream.connection.value !== "open") this.staleSince.value = this.heardAt;
    });
    this.polls.value += 1;
  }

  private async loadTickers(): Promise<void> {
    const tickers = await this.rest.get<WireTicker[]>("/api/v3/ticker/24hr");
    this.hear();
    this.tickers.value = new Map(tickers.map((each) => [each.symbol, readTicker(each)]));
  }

  private chooseFromAddress(): void {
    const known = (symbol: string | null | undefined): string | undefined =>
      this.instruments.value.find((each) => each.symbol === symbol)?.symbol;
    const chosen =
      known(decodeURIComponent(location.hash.slice(1))) ??
      (known(this.symbol.value) || known(localStorage.getItem(SYMBOL_KEY))) ??
      this.instruments.value[0]?.symbol;
    if (chosen === undefined) return;
    localStorage.setItem(SYMBOL_KEY, chosen);
    this.symbol.value = chosen;
  }

  private follow(symbol: string): (() => void) | undefined {
    if (symbol === "") return undefined;
    const feed = new BookFeed(symbol, this.rest, this.stream);
    this.feed.value = feed;
    this.picked.value = null;
    this.trades.value = [];
    this.areTradesLoaded.value = false;
    this.recentAverage.value = null;
    const loadTrades = (): void => void this.loadTrades(symbol);
    const stops = [
      this.stream.subscribe(`${symbol.toLowerCase()}@trade`, (data) => this.takeTrade(data as WireTradeEvent)),
      this.stream.subscribe(`${symbol.toLowerCase()}@avgPrice`, (data) => (this.recentAverage.value = wireAmount((data as WireAverageEvent).w))),
      this.stream.onReopen(loadTrades),
      () => feed.close(),
    ];
    loadTrades();
    void this.loadAverage(symbol);
    return () => {
      this.newTrades = [];
      for (const stop of stops) stop();
    };
  }

  private async loadTrades(symbol: string): Promise<void> {
    const found = await this.rest.get<WireTrade[]>("/api/v3/trades", { symbol, limit: TRADES_KEPT }).catch(() => []);
    if (symbol !== this.symbol.value) return;
    this.areTradesLoaded.value = true;
    this.addTrades(found.map((each) => readTrade(each.id, each.price, each.qty, each.time, each.isBuyerMaker)));
  }

  /** Without the average a price's band is not said before sending; the exchange still checks it. */
  private async loadAverage(symbol: string): Promise<void> {
    const found = await this.rest.get<WireAverage>("/api/v3/avgPrice", { symbol }).catch(() => null);
    if (symbol === this.symbol.value && found !== null) this.recentAverage.value = wireAmount(found.price);
  }

  private takeTrade(event: WireTradeEvent): void {
    this.newTrades.push(readTrade(event.t, event.p, event.q, event.T, event.m));
    if (this.newTrades.length > TRADES_KEPT) this.newTrades.shift(); // A hidden tab draws no frames.
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.addTrades(this.newTrades);
      this.newTrades = [];
    });
  }

  /** Join by trade id, newest first: the fetched list and the stream overlap. */
  private addTrades(trades: Trade[]): void {
    if (trades.length === 0) return;
    const byId = new Map([...this.trades.value, ...trades].map((trade) => [trade.id, trade]));
    this.trades.value = [...byId.values()].sort((left, right) => right.id - left.id).slice(0, TRADES_KEPT);
    const newest = this.trades.value[0];
    const ticker = this.ticker.value;
    // The ticker stream speaks once a second; the last price should not lag behind the tape that long.
    if (newest !== undefined && ticker !== null) this.putTicker(this.symbol.value, { ...ticker, last: newest.price });
  }

  private hear(): void {
    this.heardAt = Date.now();
    this.staleSince.value = null;
  }

  private takeTickers(list: WireMiniTicker[]): void {
    this.hear();
    const tickers = new Map(this.tickers.value);
    for (const each of list) {
      tickers.set(each.s, {
        open: wireAmount(each.o),
        last: wireAmount(each.c),
        high: wireAmount(each.h),
        low: wireAmount(each.l),
        volume: wireAmount(each.v),
        quoteVolume: wireAmount(each.q),
      });
    }
    this.tickers.value = tickers;
  }

  private putTicker(symbol: string, ticker: Ticker): void {
    this.tickers.value = new Map(this.tickers.value).set(symbol, ticker);
  }
}

function readTicker(wire: WireTicker): Ticker {
  return {
    open: wireAmount(wire.openPrice),
    last: wireAmount(wire.lastPrice),
    high: wireAmount(wire.highPrice),
    low: wireAmount(wire.lowPrice),
    volume: wireAmount(wire.volume),
    quoteVolume: wireAmount(wire.quoteVolume),
  };
}

function readTrade(id: number, price: string, quantity: string, time: number, isBuyerMaker: boolean): Trade {
  return { id, price: wireAmount(price), quantity: wireAmount(quantity), time, isBuy: !isBuyerMaker };
}
