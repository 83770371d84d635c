/** Keeps one instrument's book in step with the exchange: diffs first, then the snapshot they continue. */
import { type ReadonlySignal, signal } from "@preact/signals";
import type { MarketStream } from "../api/market_stream";
import type { RestClient } from "../api/rest";
import type { WireDepth, WireDepthUpdate } from "../api/wire";
import { Book } from "./book";

const SNAPSHOT_LEVELS = 500;
const BUFFERED_MOST = 1_000;
const RETRY_FIRST_MS = 400;
const RETRY_MOST_MS = 10_000;

export class BookFeed {
  readonly book = new Book();
  private readonly changed = signal(0);
  private readonly ready = signal(false);
  private buffered: WireDepthUpdate[] | null = [];
  private retryMs = RETRY_FIRST_MS;
  private timer = 0;
  private frame = 0;
  private attempt = 0;
  private readonly stops: (() => void)[];

  constructor(
    private readonly symbol: string,
    private readonly rest: RestClient,
    stream: MarketStream,
  ) {
    this.stops = [
      stream.subscribe(`${symbol.toLowerCase()}@depth@100ms`, (data) => this.take(data as WireDepthUpdate)),
      stream.onReopen(() => this.restart(0)),
    ];
    this.restart(0);
  }

  /** Changes, at most once a frame, whenever the book does. */
  get version(): ReadonlySignal<number> {
    return this.changed;
  }

  get isReady(): ReadonlySignal<boolean> {
    return this.ready;
  }

  /** Fetch the book once more: no updates arrive while the stream is lost. */
  poll(): void {
    this.restart(0);
  }

  close(): void {
    this.attempt += 1;
    window.clearTimeout(this.timer);
    cancelAnimationFrame(this.frame);
    for (const stop of this.stops) stop();
  }

  private take(update: WireDepthUpdate): void {
    if (this.buffered !== null) {
      // While the snapshot is awaited only the newest updates can matter; the bound keeps a long outage cheap.
      if (this.buffered.length >= BUFFERED_MOST) this.buffered.shift();
      this.buffered.push(update);
    } else if (this.book.apply(update) === "gap") {
      this.restart(0, [update]);
    } else {
      this.announce();
    }
  }

  private restart(pauseMs: number, buffered: WireDepthUpdate[] = []): void {
    this.buffered = buffered;
    this.attempt += 1;
    const attempt = this.attempt;
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.fetchSnapshot(attempt), pauseMs);
  }

  private async fetchSnapshot(attempt: number): Promise<void> {
    const depth = await this.rest
      .get<WireDepth>("/api/v3/depth", { symbol: this.symbol, limit: SNAPSHOT_LEVELS })
      .catch(() => null);
    if (attempt !== this.attempt) return;
    const buffered = this.buffered ?? [];
    if (depth === null || !this.continues(depth, buffered)) {
      this.restart(this.retryMs, buffered);
      this.retryMs = Math.min(this.retryMs * 2, RETRY_MOST_MS);
      return;
    }
    this.retryMs = RETRY_FIRST_MS;
    this.buffered = null;
    this.ready.value = true;
    this.announce();
  }

  /** Restore the snapshot and apply what was buffered; false if the snapshot is older than the first buffered update. */
  private continues(depth: WireDepth, buffered: WireDepthUpdate[]): boolean {
    this.book.restore(depth);
    return buffered.every((update) => this.book.apply(update) !== "gap");
  }

  private announce(): void {
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.changed.value += 1;
    });
  }
}
