/** The chart panel: intervals, the values under the pointer, candles. */
import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { compact, formatAmount, grouped, parseAmount } from "../amounts";
import { useVenue } from "../venue";
import { type Candle, CandleFeed, type Interval, INTERVALS } from "./candles";
import { ChartView } from "./chart_view";

const INTERVAL_KEY = "openbourse.interval";

function keptInterval(): Interval {
  const kept = localStorage.getItem(INTERVAL_KEY);
  return INTERVALS.find((interval) => interval === kept) ?? "1m";
}

export function ChartPanel(): JSX.Element {
  const { market, portfolio } = useVenue();
  const place = useRef<HTMLDivElement>(null);
  const view = useSignal<ChartView | null>(null);
  const interval = useSignal<Interval>(keptInterval());
  const hovered = useSignal<Candle | null>(null);
  const latest = useSignal<Candle | null>(null);
  const state = useSignal<"loading" | "empty" | "failing" | "shown">("loading");
  const feed = useRef<CandleFeed | null>(null);

  useEffect(() => {
    if (place.current === null) return undefined;
    const chart = new ChartView(
      place.current,
      (candle) => (hovered.value = candle),
      () => void feed.current?.loadOlder(),
    );
    view.value = chart;
    return () => chart.close();
  }, []);

  // Only another symbol starts a new series; the instrument's other fields are refreshed after every reconnect.
  const symbol = useComputed(() => market.instrument.value?.symbol ?? null);
  useSignalEffect(() => {
    const chart = view.value;
    const instrument = symbol.value === null ? null : market.instrument.peek();
    if (chart === null || instrument === null) return undefined;
    chart.reset(instrument);
    latest.value = hovered.value = null;
    state.value = "loading";
    const candles = new CandleFeed(instrument.symbol, interval.value, market.rest, market.stream, {
      onSeries: (series, isFirst) => {
        chart.showSeries(series, isFirst);
        latest.value = series.at(-1) ?? null;
        state.value = series.length === 0 ? "empty" : "shown";
      },
      onCandle: (candle) => {
        chart.showCandle(candle);
        latest.value = candle;
        state.value = "shown";
      },
      onFailure: (isFailing) => {
        if (isFailing && latest.peek() === null) state.value = "failing";
      },
    });
    feed.current = candles;
    return () => candles.close();
  });

  useSignalEffect(() => {
    if (market.polls.value > 0) feed.current?.poll();
  });
  useSignalEffect(() => {
    const newest = market.trades.value[0];
    if (newest !== undefined) feed.current?.followTrade(newest.time, Number(formatAmount(newest.price)));
  });

  useSignalEffect(() => {
    const mine = portfolio.openOrders.value.filter((order) => order.symbol === symbol.value && order.price > 0n);
    view.value?.showOrders(mine);
  });

  const choose = (chosen: Interval): void => {
    interval.value = chosen;
    localStorage.setItem(INTERVAL_KEY, chosen);
  };

  return (
    <section class="panel chart-panel" aria-label="Price chart">
      <div class="panel-head">
        <div class="chips" role="group" aria-label="Candle interval">
          {INTERVALS.map((each) => (
            <button type="button" class="chip" key={each} aria-pressed={interval.value === each} onClick={() => choose(each)}>
              {each}
            </button>
          ))}
        </div>
        <Legend candle={hovered.value ?? latest.value} decimals={market.instrument.value?.priceDecimals ?? 2} />
      </div>
      <div class="chart-body">
        <div class="chart-place" ref={place} />
        {state.value === "shown" ? null : <p class="chart-note">{NOTES[state.value]}</p>}
        <a class="chart-credit" href="https://www.tradingview.com/" target="_blank" rel="noopener">
          Charts by TradingView
        </a>
      </div>
    </section>
  );
}

const NOTES = {
  loading: "Loading candles…",
  empty: "No trades yet. The first fill draws the first candle.",
  failing: "Candles could not be loaded. Trying again…",
} as const;

function Legend({ candle, decimals }: { candle: Candle | null; decimals: number }): JSX.Element | null {
  if (candle === null) return null;
  const tone = candle.close >= candle.open ? "up" : "down";
  const price = (value: number): string => grouped(value.toFixed(decimals));
  return (
    <dl class={`legend ${tone}`}>
      <div><dt>O</dt><dd>{price(candle.open)}</dd></div>
      <div><dt>H</dt><dd>{price(candle.high)}</dd></div>
      <div><dt>L</dt><dd>{price(candle.low)}</dd></div>
      <div><dt>C</dt><dd>{price(candle.close)}</dd></div>
      <div><dt>Vol</dt><dd>{compact(parseAmount(candle.volume.toFixed(4)) ?? 0n)}</dd></div>
    </dl>
  );
}
