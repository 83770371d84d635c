/** The two ways of money: in and out. */
import type { JSX } from "preact";
import { useVenue } from "../venue";

export function WalletButtons(): JSX.Element {
  const { overlay } = useVenue();
  return (
    <div class="bar-buttons">
      <button type="button" class="button button-small button-quiet" onClick={() => (overlay.value = "deposit")}>
        Deposit
      </button>
      <button type="button" class="button button-small button-quiet" onClick={() => (overlay.value = "withdraw")}>
        Withdraw
      </button>
    </div>
  );
}
