/** Orders of this instrument that are no longer open. */
import type { JSX } from "preact";
import { orderKey } from "../account/portfolio";
import { formatAmount, grouped, trimAmount } from "../amounts";
import { PairCell, TriggerCell, TypeCell } from "../orders/cells";
import { averagePrice } from "../orders/order";
import { icebergWords, priceWords, statusWords } from "../orders/words";
import { SideWords } from "../ui/side";
import { dayTime } from "../ui/times";
import { useVenue } from "../venue";
import { ORDERS } from "./export";
import { ExportBar } from "./export_bar";

export function PastOrders(): JSX.Element {
  const { market, portfolio } = useVenue();
  const instrument = market.instrument.value;
  const orders = portfolio.pastOrders.value;
  if (instrument === null || orders.length === 0) {
    return (
      <div class="empty empty-large">
        <strong>No past orders on {instrument === null ? "this pair" : `${instrument.base}/${instrument.quote}`}.</strong>
        <p>Orders move here when they are filled, canceled or expired.</p>
      </div>
    );
  }
  const price = (value: bigint): string => (value === 0n ? "–" : grouped(trimAmount(value, instrument.priceDecimals)));
  return (
    <>
      <ExportBar kind={ORDERS} name="orders" />
      <table class="table table-cards" data-testid="past-orders">
        <thead>
          <tr>
            <th>Time</th>
            <th>Pair</th>
            <th>Type</th>
            <th>Side</th>
            <th class="number">Price</th>
            <th class="number">Average</th>
            <th>Trigger</th>
            <th class="number">Filled / amount</th>
            <th class="number">Total ({instrument.quote})</th>
            <th class="cell-end">Status</th>
          </tr>
        </thead>
        <tbody>
          {orders.map((order) => (
            <tr key={orderKey(order)}>
              <td class="soft" data-label="Time">{dayTime(order.updateTime)}</td>
              <PairCell order={order} />
              <TypeCell order={order} />
              <td class="cell-side"><SideWords isBuy={order.side === "BUY"} /></td>
              <td class="number" data-label="Price">{priceWords(order, instrument.priceDecimals)}</td>
              <td class="number" data-label="Average">{price(averagePrice(order) - (averagePrice(order) % (instrument.tick || 1n)))}</td>
              <TriggerCell order={order} />
              <td class="number" data-label="Filled / amount">
                {trimAmount(order.executed)}
                <span class="soft">{` / ${order.quoteQuantity > 0n ? "by total" : trimAmount(order.quantity)}`}</span>
                {order.iceberg === 0n ? null : <span class="cell-note">{icebergWords(order, instrument.quantityDecimals)}</span>}
              </td>
              <td class="number" data-label="Total">{order.executedQuote === 0n ? "–" : grouped(formatAmount(order.executedQuote, instrument.priceDecimals))}</td>
              <td class={`cell-end cell-state ${order.status === "FILLED" ? "up" : "soft"}`}>{statusWords(order)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
