/** Candles of one instrument and interval: history by REST, then the stream, older pages on demand. */
import type { CandlestickData, HistogramData, UTCTimestamp } from "lightweight-charts";
import type { MarketStream } from "../api/market_stream";
import type { RestClient } from "../api/rest";
import type { WireKline, WireKlineEvent } from "../api/wire";

export const INTERVALS = ["1m", "5m", "15m", "1h", "4h", "1d"] as const;
export type Interval = (typeof INTERVALS)[number];

const SECONDS: Record<Interval, number> = { "1m": 60, "5m": 300, "15m": 900, "1h": 3_600, "4h": 14_400, "1d": 86_400 };
const PAGE = 500;
const RETRY_MS = 3_000;

/** A candle for drawing: the one place where prices become floats, because they end as pixels. */
export interface Candle {
  time: UTCTimestamp;
  open: number;
  high: number;
  low: number;
  close: number;
  volume: number;
}

export interface CandleEvents {
  /** The whole series changed. `isFirst` says that it is a new one, so the view may jump to its end. */
  onSeries: (candles: readonly Candle[], isFirst: boolean) => void;
  onCandle: (candle: Candle) => void;
  onFailure: (isFailing: boolean) => void;
}

export class CandleFeed {
  private byTime = new Map<number, Candle>();
  private newest: Candle | null = null;
  private isFirst = true;
  private isClosed = false;
  private isPaging = false;
  private hasOlder = true;
  private retry = 0;
  private readonly stops: (() => void)[];

  constructor(
    private readonly symbol: string,
    private readonly interval: Interval,
    private readonly rest: RestClient,
    stream: MarketStream,
    private readonly events: CandleEvents,
  ) {
    this.stops = [
      stream.subscribe(`${symbol.toLowerCase()}@kline_${interval}`, (data) => this.take(data as WireKlineEvent)),
      stream.onReopen(() => void this.load()),
    ];
    void this.load();
  }

  /** Fetch the newest candles once more: none arrive while the stream is lost. */
  poll(): void {
    if (!this.isPaging) void this.load();
  }

  close(): void {
    this.isClosed = true;
    window.clearTimeout(this.retry);
    for (const stop of this.stops) stop();
  }

  /** Fetch the page before the oldest candle, once at a time, until there is none. */
  async loadOlder(): Promise<void> {
    const oldest = this.sorted()[0];
    if (oldest === undefined || this.isPaging || !this.hasOlder) return;
    this.isPaging = true;
    const rows = await this.fetchPage(oldest.time * 1_000 - 1);
    this.isPaging = false;
    if (this.isClosed || rows === null) return;
    this.hasOlder = rows.length > 0;
    if (this.hasOlder) this.add(rows);
  }

  /** Let the newest candle follow a trade: the candle stream speaks only every two seconds. */
  followTrade(time: number, price: number): void {
    const newest = this.newest;
    if (newest === null || this.isFirst || time < newest.time * 1_000 || newest.close === price) return;
    const isPastCandle = time >= (newest.time + SECONDS[this.interval]) * 1_000;
    if (isPastCandle) return; // The stream opens the next candle, with its right volume.
    const candle = { ...newest, close: price, high: Math.max(newest.high, price), low: Math.min(newest.low, price) };
    this.put(candle);
    this.events.onCandle(candle);
  }

  private async load(): Promise<void> {
    window.clearTimeout(this.retry);
    const rows = await this.fetchPage();
    if (this.isClosed) return;
    this.events.onFailure(rows === null);
    if (rows === null) this.retry = window.setTimeout(() => void this.load(), RETRY_MS);
    else this.add(rows);
  }

  private async fetchPage(endTime?: number): Promise<WireKline[] | null> {
    const query = { symbol: this.symbol, interval: this.interval, limit: PAGE, endTime };
    return this.rest.get<WireKline[]>("/api/v3/klines", query).catch(() => null);
  }

  private add(rows: WireKline[]): void {
    for (const [time, open, high, low, close, volume] of rows) this.put(readCandle(time, open, high, low, close, volume));
    this.events.onSeries(this.sorted(), this.isFirst);
    this.isFirst = false;
  }

  private take({ k }: WireKlineEvent): void {
    const candle = readCandle(k.t, k.o, k.h, k.l, k.c, k.v);
    this.put(candle);
    if (!this.isFirst) this.events.onCandle(candle);
  }

  private put(candle: Candle): void {
    this.byTime.set(candle.time, candle);
    if (this.newest === null || candle.time >= this.newest.time) this.newest = candle;
  }

  private sorted(): Candle[] {
    return [...this.byTime.values()].sort((left, right) => left.time - right.time);
  }
}

export function bar(candle: Candle): CandlestickData<UTCTimestamp> {
  const { time, open, high, low, close } = candle;
  return { time, open, high, low, close };
}

export function volumeBar(candle: Candle, up: string, down: string): HistogramData<UTCTimestamp> {
  return { time: candle.time, value: candle.volume, color: candle.close >= candle.open ? up : down };
}

function readCandle(time: number, open: string, high: string, low: string, close: string, volume: string): Candle {
  return {
    time: Math.floor(time / 1_000) as UTCTimestamp,
    open: Number(open),
    high: Number(high),
    low: Number(low),
    close: Number(close),
    volume: Number(volume),
  };
}
