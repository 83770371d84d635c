/** What the tables of open and of past orders say alike. */
import type { JSX } from "preact";
import { useVenue } from "../venue";
import type { Order } from "./order";
import { listWords, triggerWords, typeWords, waitingWords } from "./words";

/** Name the pair, as the instruments have it. */
export function PairCell({ order }: { order: Order }): JSX.Element {
  const instrument = useVenue().market.instruments.value.find((each) => each.symbol === order.symbol);
  return <td class="cell-pair">{instrument === undefined ? order.symbol : `${instrument.base}/${instrument.quote}`}</td>;
}

/** Name the type, and the list that the order belongs to. */
export function TypeCell({ order }: { order: Order }): JSX.Element {
  const list = useVenue().portfolio.lists.value.get(order.listId);
  const legs = list === undefined ? "" : `: orders ${list.orderIds.join(", ")}`;
  return (
    <td data-label="Type" title={`${order.type}, order ${order.id}`}>
      {typeWords(order)}
      {order.listId === -1 ? null : (
        <em class="tag tag-list" title={`Order list ${order.listId}${legs}`}>
          {listWords(list)}
        </em>
      )}
    </td>
  );
}

/** Say when the order begins to work, and whether it has. */
export function TriggerCell({ order }: { order: Order }): JSX.Element {
  const { market, portfolio } = useVenue();
  const instrument = market.instruments.value.find((each) => each.symbol === order.symbol);
  const trigger = triggerWords(order, instrument?.priceDecimals);
  const waiting = waitingWords(order, portfolio.lists.value.get(order.listId));
  return (
    <td data-label="Trigger" class={trigger === "–" && waiting === "" ? "cell-nothing" : ""}>
      {trigger}
      {waiting === "" ? null : <span class="cell-note">{waiting}</span>}
    </td>
  );
}
