/** The dialog that asks for a withdrawal. */
import { useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { grouped, parseAmount, trimAmount } from "../amounts";
import type { WireSecondFactor } from "../api/wire";
import { AmountField } from "../orders/amount_field";
import { CodeField, isCodeNeeded } from "../ui/code_field";
import { Dialog } from "../ui/dialog";
import { dayTime } from "../ui/times";
import { useVenue } from "../venue";
import type { Doubt } from "./asking";
import { CoinField } from "./coin_field";
import { withdrawalRefusal } from "./refusals";

export function WithdrawDialog(): JSX.Element {
  const { rest, overlay, portfolio, picked, transfers, toasts } = useVenue();
  const address = useSignal("");
  const amount = useSignal("");
  const failure = useSignal("");
  const code = useSignal("");
  const asksCode = useSignal(false);
  const doubt = transfers.asking.doubt.value;
  const isBusy = transfers.asking.isUnderWay.value;
  const coin = picked.value;
  const available = portfolio.available(coin);
  const wanted = parseAmount(amount.value);
  const complaint = wanted !== null && wanted > available ? `Only ${grouped(trimAmount(available))} ${coin} is available.` : undefined;
  const isReady = address.value.trim() !== "" && wanted !== null && wanted > 0n && complaint === undefined;

  useEffect(() => {
    void transfers.look();
    rest
      .signed<WireSecondFactor>("GET", "/bourse/v1/second-factor")
      .then(({ isOn }) => (asksCode.value = isOn))
      .catch(() => {}); // The exchange asks for a code anyway.
  }, []);
  // An address of another coin must not stay in the field.
  useSignalEffect(() => {
    void picked.value;
    address.value = amount.value = failure.value = "";
  });

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (isBusy || !isReady) return;
    failure.value = "";
    try {
      const isNew = await transfers.withdraw({ coin, address: address.value.trim(), amount: wanted }, code.value.trim());
      overlay.value = "none";
      if (isNew) toasts.show("good", "Withdrawal asked for", `${grouped(trimAmount(wanted))} ${coin} is held until an operator decides. Until then you can cancel it.`);
      else toasts.show("plain", "Withdrawal asked for already", "Your request before had arrived, so none was made now. Transfers shows what becomes of it.");
    } catch (error) {
      code.value = "";
      failure.value = withdrawalRefusal(error, coin);
      if (isCodeNeeded(error)) asksCode.value = true;
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
        {doubt === null ? null : <InDoubt doubt={doubt} />}
        {failure.value === "" ? null : (
          <p class="form-error" role="alert">
            {failure.value}
          </p>
        )}
        <button type="submit" class="button button-accent button-large" aria-disabled={!isReady || isBusy}>
          {isBusy ? "One moment…" : `Withdraw ${coin}`}
        </button>
        <p class="soft">An operator looks at every withdrawal before it is sent. Check the address: what is sent cannot be called back.</p>
      </form>
    </Dialog>
  );
}

/** Say what is waited for, and that asking again does no harm. */
function InDoubt({ doubt }: { doubt: Doubt }): JSX.Element {
  return (
    <p class="form-wait" role="alert">
      <strong>{`No answer came to the withdrawal of ${doubt.what} (${dayTime(doubt.askedAt)}).`}</strong>{" "}
      Waiting for it to appear under Transfers. You may ask again meanwhile: of the two, one is made at most.
    </p>
  );
}
