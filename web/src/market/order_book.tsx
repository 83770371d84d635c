/** The order book panel: both sides with depth bars; a click on a price fills the order form. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { type Amount, compact, decimalsOf, formatAmount, grouped, multiply } from "../amounts";
import type { Order } from "../orders/order";
import { useFocusKept } from "../ui/focus";
import { useVenue } from "../venue";
import { joinLevels, type Level } from "./book";
import type { Instrument } from "./instruments";

const ROW_HEIGHT = 20;
const ROWS_LEAST = 6;
const ROWS_MOST = 30;
const STEPS = [1n, 10n, 100n, 1_000n];

export function OrderBookPanel(): JSX.Element {
  const { market, portfolio } = useVenue();
  const rows = useSignal(12);
  const scale = useSignal(1n);
  const place = useRef<HTMLDivElement>(null);

  useLayoutEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(() => {
      const fitting = Math.floor((element.clientHeight - 36) / ROW_HEIGHT / 2);
      rows.value = Math.max(ROWS_LEAST, Math.min(ROWS_MOST, fitting));
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useFocusKept(place);

  // The rows are one stop of the Tab key, with arrows inside: they are many, and come and go while one is on them.
  const move = (event: KeyboardEvent): void => {
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    event.preventDefault();
    const rows = [...(place.current?.querySelectorAll<HTMLElement>(".book-row") ?? [])];
    const at = rows.indexOf(document.activeElement as HTMLElement);
    const firstBid = rows.findIndex((row) => row.closest(".book-bids") !== null);
    const from = at === -1 ? firstBid - (event.key === "ArrowUp" ? 0 : 1) : at;
    rows[event.key === "ArrowUp" ? from - 1 : from + 1]?.focus();
  };
  const instrument = market.instrument.value;
  const feed = market.feed.value;
  const isReady = feed?.isReady.value === true;
  void feed?.version.value; // Reading it redraws the panel when the book changes.
  return (
    <section class="panel book-panel" aria-label="Order book">
      <div class="panel-head">
        <h2>Order book</h2>
        {instrument === null ? null : <StepChoice tick={instrument.tick} scale={scale.value} onChoose={(chosen) => (scale.value = chosen)} />}
      </div>
      <div class="book-columns" aria-hidden="true">
        <span>Price{instrument === null ? "" : ` (${instrument.quote})`}</span>
        <span>Amount{instrument === null ? "" : ` (${instrument.base})`}</span>
        <span>Total</span>
      </div>
      <div class="book-body" ref={place} tabIndex={0} role="group" aria-label="Prices, by the arrow keys" onKeyDown={move}>
        {instrument === null || feed === null || !isReady ? (
          <p class="empty">Loading the book…</p>
        ) : (
          <Ladder
            instrument={instrument}
            bids={joinLevels(feed.book.bids, instrument.tick * scale.value, true, rows.value)}
            asks={joinLevels(feed.book.asks, instrument.tick * scale.value, false, rows.value)}
            spread={spreadOf(feed.book.bids, feed.book.asks)}
            own={ownPrices(portfolio.openOrders.value, instrument, scale.value)}
            decimals={decimalsOf(instrument.tick * scale.value)}
          />
        )}
      </div>
    </section>
  );
}

/** Where one's own orders rest, so that their rows can be marked. */
function ownPrices(orders: readonly Order[], { symbol, tick }: Instrument, scale: bigint): Set<Amount> {
  const step = tick * scale;
  return new Set(orders.filter((order) => order.symbol === symbol && order.isWorking && step > 0n).map((order) => order.price - (order.price % step)));
}

function spreadOf(bids: readonly Level[], asks: readonly Level[]): { size: Amount; share: Amount } | null {
  const bid = bids[0]?.price;
  const ask = asks[0]?.price;
  if (bid === undefined || ask === undefined) return null;
  return { size: ask - bid, share: ((ask - bid) * 10_000_000_000n) / ask };
}

interface LadderProps {
  instrument: Instrument;
  bids: Level[];
  asks: Level[];
  spread: { size: Amount; share: Amount } | null;
  own: Set<Amount>;
  decimals: number;
}

function Ladder({ instrument, bids, asks, spread, own, decimals }: LadderProps): JSX.Element {
  if (bids.length === 0 && asks.length === 0) {
    return <p class="empty">The book is empty. Place a limit order to be the first price.</p>;
  }
  const deepest = [totalOf(bids), totalOf(asks)].reduce((left, right) => (left > right ? left : right));
  return (
    <>
      <div class="book-side book-asks">
        <Rows levels={asks} isBid={false} {...{ deepest, own, decimals, instrument }} />
      </div>
      <Middle instrument={instrument} spread={spread} />
      <div class="book-side book-bids">
        <Rows levels={bids} isBid={true} {...{ deepest, own, decimals, instrument }} />
      </div>
    </>
  );
}

function totalOf(levels: readonly Level[]): Amount {
  return levels.reduce((sum, level) => sum + level.quantity, 0n);
}

interface RowsProps {
  levels: Level[];
  isBid: boolean;
  deepest: Amount;
  own: Set<Amount>;
  decimals: number;
  instrument: Instrument;
}

function Rows({ levels, isBid, deepest, own, decimals, instrument }: RowsProps): JSX.Element[] {
  const { market } = useVenue();
  let sum = 0n;
  const rows = levels.map(({ price, quantity }) => {
    sum += quantity;
    const share = deepest === 0n ? 0 : Number((sum * 100n) / deepest);
    const priceText = grouped(formatAmount(price, decimals));
    return (
      <button
        type="button"
        tabIndex={-1}
        key={String(price)}
        class={`book-row${own.has(price) ? " is-own" : ""}`}
        style={{ "--share": `${share}%` }}
        title={own.has(price) ? "You have an order here" : `Use ${priceText} in the order form`}
        onClick={() => market.pick(price)}
      >
        <span class={isBid ? "up" : "down"}>{priceText}</span>
        <span>{formatAmount(quantity, instrument.quantityDecimals)}</span>
        <span>{compact(multiply(price, quantity))}</span>
      </button>
    );
  });
  // Asks stand with the best price lowest, next to the spread.
  return isBid ? rows : rows.reverse();
}

function Middle({ instrument, spread }: { instrument: Instrument; spread: { size: Amount; share: Amount } | null }): JSX.Element {
  const { market } = useVenue();
  const newest = market.trades.value[0];
  const tone = newest === undefined ? "" : newest.isBuy ? "up" : "down";
  return (
    <div class="book-middle">
      <strong class={tone}>
        {newest === undefined ? "–" : `${grouped(formatAmount(newest.price, instrument.priceDecimals))} ${newest.isBuy ? "↑" : "↓"}`}
      </strong>
      {spread === null ? null : (
        <span title="Distance between the best bid and the best ask">
          Spread {grouped(formatAmount(spread.size, instrument.priceDecimals))} · {formatAmount(spread.share, 4)}%
        </span>
      )}
    </div>
  );
}

function StepChoice({ tick, scale, onChoose }: { tick: Amount; scale: bigint; onChoose: (scale: bigint) => void }): JSX.Element {
  return (
    <label class="bare-select">
      <span class="visually-hidden">Join prices in steps of</span>
      <select value={String(scale)} onChange={(event) => onChoose(BigInt(event.currentTarget.value))}>
        {STEPS.map((step) => (
          <option key={String(step)} value={String(step)}>
            {formatAmount(tick * step, decimalsOf(tick * step))}
          </option>
        ))}
      </select>
    </label>
  );
}
