/** The tape: the newest trades, the taker's side by colour and arrow. */
import type { JSX } from "preact";
import { formatAmount, grouped } from "../amounts";
import { clockTime } from "../ui/times";
import { useVenue } from "../venue";

export function TapePanel(): JSX.Element {
  const { market } = useVenue();
  const instrument = market.instrument.value;
  const trades = market.trades.value;
  return (
    <section class="panel tape-panel" aria-label="Recent trades">
      <div class="panel-head">
        <h2>Trades</h2>
      </div>
      <div class="tape-columns" aria-hidden="true">
        <span>Price{instrument === null ? "" : ` (${instrument.quote})`}</span>
        <span>Amount{instrument === null ? "" : ` (${instrument.base})`}</span>
        <span>Time</span>
      </div>
      <div class="tape-body" tabIndex={0} role="list" aria-label="Trades, newest first">
        {instrument === null || trades.length === 0 ? (
          <p class="empty">{market.areTradesLoaded.value ? "No trades yet. A market order against a resting one makes the first." : "Loading trades…"}</p>
        ) : (
          trades.map((trade) => (
            <div class="tape-row" role="listitem" key={trade.id}>
              <span class={trade.isBuy ? "up" : "down"}>
                <i aria-label={trade.isBuy ? "bought" : "sold"}>{trade.isBuy ? "↑" : "↓"}</i>
                {grouped(formatAmount(trade.price, instrument.priceDecimals))}
              </span>
              <span>{formatAmount(trade.quantity, instrument.quantityDecimals)}</span>
              <time>{clockTime(trade.time)}</time>
            </div>
          ))
        )}
      </div>
    </section>
  );
}
