/** Open orders of all instruments, each with its cancel button. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { orderKey } from "../account/portfolio";
import { trimAmount } from "../amounts";
import { ConfirmButton } from "../ui/confirm_button";
import { SideWords } from "../ui/side";
import { dayTime } from "../ui/times";
import { useVenue } from "../venue";
import { PairCell, TriggerCell, TypeCell } from "./cells";
import { filledPercent, type Order } from "./order";
import { cancelWords, icebergWords, priceWords } from "./words";

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
    <table class="table table-cards" data-testid="open-orders">
      <thead>
        <tr>
          <th class="cell-time">Time</th>
          <th>Pair</th>
          <th>Type</th>
          <th>Side</th>
          <th class="number">Price</th>
          <th>Trigger</th>
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
  const { market, portfolio, desk } = useVenue();
  const isCanceling = useSignal(false);
  const instrument = market.instruments.value.find((each) => each.symbol === order.symbol);
  const cancel = async (): Promise<void> => {
    if (isCanceling.value) return;
    isCanceling.value = true;
    await desk.cancel(order);
    isCanceling.value = false;
  };
  const ending = portfolio.endingWith(order).map(({ id }) => id).sort((left, right) => left - right);
  const words = cancelWords(ending.length);
  const iceberg = icebergWords(order, instrument?.quantityDecimals);
  return (
    <tr>
      <td class="soft cell-time" data-label="Time">{dayTime(order.time)}</td>
      <PairCell order={order} />
      <TypeCell order={order} />
      <td class="cell-side"><SideWords isBuy={order.side === "BUY"} /></td>
      <td class="number" data-label="Price">{priceWords(order, instrument?.priceDecimals)}</td>
      <TriggerCell order={order} />
      <td class="number" data-label="Amount">
        {trimAmount(order.quantity, instrument?.quantityDecimals)}
        {iceberg === "" ? null : <span class="cell-note">{iceberg}</span>}
      </td>
      <td class="number" data-label="Filled">{`${filledPercent(order)}%`}</td>
      <td class="cell-end cell-act">
        <button
          type="button"
          class="button button-small button-quiet"
          aria-disabled={isCanceling.value}
          aria-label={ending.length > 1 ? `${words}: orders ${ending.join(", ")} of one list` : `Cancel order ${order.id}`}
          title={ending.length > 1 ? "They are one list: none of them can be canceled alone." : undefined}
          onClick={() => void cancel()}
        >
          {words}
        </button>
      </td>
    </tr>
  );
}
