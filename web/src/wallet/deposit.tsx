/** The dialog that says where to send a coin, as far as the exchange takes it by chain. */
import { useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { messageOf } from "../api/rest";
import type { WireDepositAddress } from "../api/wire";
import { CopyField } from "../ui/copy_field";
import { Dialog } from "../ui/dialog";
import { useVenue } from "../venue";
import { CoinField } from "./coin_field";
import { takeTestFunds } from "./test_funds";

export function DepositDialog(): JSX.Element {
  const venue = useVenue();
  const { rest, overlay, picked } = venue;
  const address = useSignal<WireDepositAddress | null>(null);
  const refusal = useSignal("");

  useSignalEffect(() => {
    const coin = picked.value;
    address.value = null;
    refusal.value = "";
    if (coin === "") return;
    rest
      .signed<WireDepositAddress>("GET", "/sapi/v1/capital/deposit/address", { coin })
      .then((found) => picked.peek() === coin && (address.value = found))
      .catch((error: unknown) => picked.peek() === coin && (refusal.value = messageOf(error)));
  });
  return (
    <Dialog title="Deposit" onClose={() => (overlay.value = "none")}>
      <div class="stack">
        <CoinField />
        {address.value === null ? null : (
          <>
            <CopyField label={`Address for ${address.value.coin}`} value={address.value.address} />
            {address.value.tag === "" ? null : <CopyField label="Tag, which must go with it" value={address.value.tag} />}
            <p class="soft">Send {address.value.coin} alone to it: anything else is lost.</p>
          </>
        )}
        {address.value === null && refusal.value === "" ? <p class="soft">Asking for the address…</p> : null}
        {refusal.value === "" ? null : (
          <>
            <p class="form-error" role="alert">
              {refusal.value}
            </p>
            <p class="soft">What the operator credits appears under Transfers. On a demo exchange you can take test money.</p>
            <button type="button" class="button button-quiet" onClick={() => void takeTestFunds(venue)}>
              Take test funds
            </button>
          </>
        )}
      </div>
    </Dialog>
  );
}
