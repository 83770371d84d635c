/** The dialog that asks for a withdrawal. */
import { useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { formatAmount, grouped, parseAmount, trimAmount } from "../amounts";
import type { WireSecondFactor } from "../api/wire";
import { AmountField } from "../orders/amount_field";
import { CodeField, isCodeNeeded } from "../ui/code_field";
import { Dialog } from "../ui/dialog";
import { useVenue } from "../venue";
import { Asking } from "./asking";
import { CoinField } from "./coin_field";
import { withdrawalRefusal } from "./refusals";

export function WithdrawDialog(): JSX.Element {
  const { rest, overlay, portfolio, picked, transfers, toasts } = useVenue();
  const address = useSignal("");
  const amount = useSignal("");
  const failure = useSignal("");
  const code = useSignal("");
  const asksCode = useSignal(false);
  const isBusy = useSignal(false);
  const asking = useMemo(() => new Asking(), []);
  const coin = picked.value;
  const available = portfolio.available(coin);
  const wanted = parseAmount(amount.value);
  const complaint = wanted !== null && wanted > available ? `Only ${grouped(trimAmount(available))} ${coin} is available.` : undefined;
  const isReady = address.value.trim() !== "" && wanted !== null && wanted > 0n && complaint === undefined;

  useEffect(() => {
    rest
      .signed<WireSecondFactor>("GET", "/bourse/v1/second-factor")
      .then(({ isOn }) => (asksCode.value = isOn))
      .catch(() => {}); // The exchange asks for a code anyway.
  }, []);
  // An address of another coin must not stay in the field.
  useSignalEffect(() => {
    void picked.value;
    address.value = amount.value = failure.value = "";
    asking.renew();
  });

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (isBusy.value || !isReady) return;
    failure.value = "";
    isBusy.value = true;
    try {
      const asked = { coin, address: address.value.trim(), amount: formatAmount(wanted), withdrawOrderId: asking.id };
      await transfers.withdraw(asked, code.value.trim());
      overlay.value = "none";
      toasts.show("good", "Withdrawal asked for", `${grouped(trimAmount(wanted))} ${coin} is held until an operator decides. Until then you can cancel it.`);
    } catch (error) {
      code.value = "";
      if (asking.failed(error)) {
        overlay.value = "none";
        toasts.show("plain", "Withdrawal asked for already", "Your request before had arrived, so none was made now. Transfers shows what becomes of it.");
        await transfers.load();
      } else failure.value = withdrawalRefusal(error, coin);
      if (isCodeNeeded(error)) asksCode.value = true;
    } finally {
      isBusy.value = false;
    }
    void portfolio.refresh();
  };
  return (
    <Dialog title="Withdraw" onClose={() => (overlay.value = "none")}>
      <form class="stack" noValidate onSubmit={(event) => void submit(event)}>
        <CoinField />
        <label class="field">
          <span>Address</span>
          <input
            type="text"
            autocomplete="off"
            spellcheck={false}
            placeholder={`Where the ${coin} is to go`}
            value={address.value}
            onInput={(event) => (address.value = event.currentTarget.value)}
          />
        </label>
        <AmountField label="Amount" unit={coin} value={amount.value} step={0n} complaint={complaint} onInput={(text) => (amount.value = text)} />
        <p class="available">
          <span>Available</span>
          <button type="button" class="link" data-testid="withdrawable" onClick={() => (amount.value = trimAmount(available))}>
            {`${grouped(trimAmount(available))} ${coin}`}
          </button>
        </p>
        {asksCode.value ? <CodeField code={code} /> : null}
        {failure.value === "" ? null : (
          <p class="form-error" role="alert">
            {failure.value}
          </p>
        )}
        <button type="submit" class="button button-accent button-large" aria-disabled={!isReady || isBusy.value} disabled={isBusy.value}>
          {isBusy.value ? "One moment…" : `Withdraw ${coin}`}
        </button>
        <p class="soft">An operator looks at every withdrawal before it is sent. Check the address: what is sent cannot be called back.</p>
      </form>
    </Dialog>
  );
}
