/** Open orders of all instruments, each with its cancel button. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { orderKey } from "../account/portfolio";
import { grouped, trimAmount } from "../amounts";
import { ConfirmButton } from "../ui/confirm_button";
import { SideWords } from "../ui/side";
import { dayTime } from "../ui/times";
import { useVenue } from "../venue";
import { filledPercent, type Order, typeWords } from "./order";

export function OpenOrders(): JSX.Element {
  const { portfolio, desk } = useVenue();
  const orders = portfolio.openOrders.value;
  if (orders.length === 0) {
    return (
      <div class="empty empty-large">
        <strong>No open orders.</strong>
        <p>Click a price in the order book, enter an amount and place a limit order.</p>
      </div>
    );
  }
  return (
    <table class="table" data-testid="open-orders">
      <thead>
        <tr>
          <th class="cell-time">Time</th>
          <th>Pair</th>
          <th>Type</th>
          <th>Side</th>
          <th class="number">Price</th>
          <th class="number">Amount</th>
          <th class="number">Filled</th>
          <th class="cell-end cell-act">
            <ConfirmButton label="Cancel all" question="Cancel all?" onConfirm={() => void desk.cancelAll()} />
          </th>
        </tr>
      </thead>
      <tbody>
        {orders.map((order) => (
          <OpenOrderRow key={orderKey(order)} order={order} />
        ))}
      </tbody>
    </table>
  );
}

function OpenOrderRow({ order }: { order: Order }): JSX.Element {
  const { market, desk } = useVenue();
  const isCanceling = useSignal(false);
  const instrument = market.instruments.value.find((each) => each.symbol === order.symbol);
  const cancel = async (): Promise<void> => {
    isCanceling.value = true;
    await desk.cancel(order);
    isCanceling.value = false;
  };
  return (
    <tr>
      <td class="soft cell-time">{dayTime(order.time)}</td>
      <td>{instrument === undefined ? order.symbol : `${instrument.base}/${instrument.quote}`}</td>
      <td>{typeWords(order)}</td>
      <td><SideWords isBuy={order.side === "BUY"} /></td>
      <td class="number">{grouped(trimAmount(order.price, instrument?.priceDecimals))}</td>
      <td class="number">{trimAmount(order.quantity, instrument?.quantityDecimals)}</td>
      <td class="number">{`${filledPercent(order)}%`}</td>
      <td class="cell-end cell-act">
        <button
          type="button"
          class="button button-small button-quiet"
          disabled={isCanceling.value}
          aria-label={`Cancel order ${order.id}`}
          onClick={() => void cancel()}
        >
          Cancel
        </button>
      </td>
    </tr>
  );
}
