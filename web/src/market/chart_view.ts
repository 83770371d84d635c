/** Draws candles with volume: the one file that knows the chart library. */
import {
  CandlestickSeries,
  ColorType,
  createChart,
  CrosshairMode,
  HistogramSeries,
  type IChartApi,
  type IPriceLine,
  type ISeriesApi,
  LineStyle,
  type MouseEventParams,
  type Time,
  TickMarkType,
  type UTCTimestamp,
} from "lightweight-charts";
import { formatAmount } from "../amounts";
import type { Order } from "../orders/order";
import { bar, type Candle, volumeBar } from "./candles";
import type { Instrument } from "./instruments";

const NEAR_START_BARS = 20;
const FIRST_BAR_WIDTH = 8;

function cssColour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export class ChartView {
  private readonly chart: IChartApi;
  private readonly candles: ISeriesApi<"Candlestick">;
  private readonly volumes: ISeriesApi<"Histogram">;
  private lines: IPriceLine[] = [];
  private shown: readonly Candle[] = [];
  private orders: readonly Order[] = [];
  private readonly scheme = matchMedia("(prefers-color-scheme: light)");

  constructor(
    container: HTMLElement,
    private readonly onHover: (candle: Candle | null) => void,
    onNearStart: () => void,
  ) {
    this.chart = createChart(container, {
      autoSize: true,
      // The library's own logo needs an inline style sheet, which the content policy forbids: the panel links instead.
      layout: { attributionLogo: false, fontFamily: "Inter, system-ui, sans-serif", fontSize: 11 },
      crosshair: { mode: CrosshairMode.Normal },
      localization: { timeFormatter: localTime },
      timeScale: { timeVisible: true, secondsVisible: false, rightOffset: 4, tickMarkFormatter: tickMark },
    });
    this.candles = this.chart.addSeries(CandlestickSeries, { borderVisible: false });
    this.volumes = this.chart.addSeries(HistogramSeries, {
      priceScaleId: "volume",
      priceFormat: { type: "volume" },
      lastValueVisible: false,
      priceLineVisible: false,
    });
    this.candles.priceScale().applyOptions({ scaleMargins: { top: 0.12, bottom: 0.2 } });
    this.volumes.priceScale().applyOptions({ scaleMargins: { top: 0.86, bottom: 0 } });
    this.chart.subscribeCrosshairMove((event) => this.hover(event));
    this.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => {
      if (range !== null && range.from < NEAR_START_BARS && this.shown.length > 0) onNearStart();
    });
    this.scheme.addEventListener("change", this.paint);
    this.paint();
  }

  close(): void {
    this.scheme.removeEventListener("change", this.paint);
    this.chart.remove();
  }

  /** Take on another instrument's precision and drop what was drawn. */
  reset(instrument: Instrument): void {
    this.shown = [];
    this.candles.setData([]);
    this.volumes.setData([]);
    const precision = instrument.priceDecimals;
    this.candles.applyOptions({
      priceFormat: { type: "price", precision, minMove: Number(formatAmount(instrument.tick, precision)) || 10 ** -precision },
    });
  }

  showSeries(candles: readonly Candle[], isFirst: boolean): void {
    this.shown = candles;
    this.drawSeries();
    if (!isFirst) return;
    const end = candles.length;
    // A short history would be stretched over the whole width; a fixed span keeps a candle a candle.
    const fitting = Math.max(20, Math.floor(this.chart.timeScale().width() / FIRST_BAR_WIDTH));
    this.chart.timeScale().setVisibleLogicalRange({ from: end - fitting, to: end + 4 });
    this.chart.priceScale("right").setAutoScale(true);
  }

  showCandle(candle: Candle): void {
    const last = this.shown.at(-1);
    if (last !== undefined && candle.time < last.time) return;
    this.shown = last?.time === candle.time ? [...this.shown.slice(0, -1), candle] : [...this.shown, candle];
    this.candles.update(bar(candle));
    this.volumes.update(this.volume(candle));
  }

  /** Draw a line at the price of each open order. */
  showOrders(orders: readonly Order[]): void {
    this.orders = orders;
    for (const line of this.lines) this.candles.removePriceLine(line);
    this.lines = orders.map((order) =>
      this.candles.createPriceLine({
        price: Number(formatAmount(order.price)),
        color: cssColour(order.side === "BUY" ? "--up" : "--down"),
        lineWidth: 1,
        lineStyle: LineStyle.Dashed,
        axisLabelVisible: true,
        title: order.side === "BUY" ? "buy" : "sell",
      }),
    );
  }

  private readonly paint = (): void => {
    this.chart.applyOptions({
      layout: { background: { type: ColorType.Solid, color: cssColour("--panel") }, textColor: cssColour("--text-soft") },
      grid: { vertLines: { color: cssColour("--grid") }, horzLines: { color: cssColour("--grid") } },
      rightPriceScale: { borderColor: cssColour("--line") },
      timeScale: { borderColor: cssColour("--line") },
    });
    const [up, down] = [cssColour("--up"), cssColour("--down")];
    this.candles.applyOptions({ upColor: up, downColor: down, wickUpColor: up, wickDownColor: down });
    this.drawSeries();
    this.showOrders(this.orders);
  };

  private drawSeries(): void {
    this.candles.setData(this.shown.map(bar));
    this.volumes.setData(this.shown.map((candle) => this.volume(candle)));
  }

  private volume(candle: Candle): ReturnType<typeof volumeBar> {
    return volumeBar(candle, cssColour("--up-volume"), cssColour("--down-volume"));
  }

  private hover(event: MouseEventParams<Time>): void {
    this.onHover(event.time === undefined ? null : (this.shown.find((candle) => candle.time === event.time) ?? null));
  }
}

function localTime(time: Time): string {
  return new Date((time as UTCTimestamp) * 1_000).toLocaleString(undefined, {
    day: "2-digit",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
    hour12: false,
  });
}

function tickMark(time: Time, kind: TickMarkType): string {
  const date = new Date((time as UTCTimestamp) * 1_000);
  if (kind === TickMarkType.Year) return String(date.getFullYear());
  if (kind === TickMarkType.Month) return date.toLocaleString(undefined, { month: "short" });
  if (kind === TickMarkType.DayOfMonth) return date.toLocaleString(undefined, { day: "numeric", month: "short" });
  return date.toLocaleString(undefined, { hour: "2-digit", minute: "2-digit", hour12: false });
}
