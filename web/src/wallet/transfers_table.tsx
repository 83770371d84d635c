/** Deposits and withdrawals, newest first, each with its state; a withdrawal that still waits has a cancel button. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { grouped, trimAmount } from "../amounts";
import { messageOf } from "../api/rest";
import { ConfirmButton } from "../ui/confirm_button";
import { dayTime } from "../ui/times";
import { useVenue } from "../venue";
import type { Transfer } from "./transfers";
import { WalletButtons } from "./wallet_buttons";

const RELOAD_MS = 30_000;

export function TransfersTable(): JSX.Element {
  const { transfers } = useVenue();
  const list = transfers.list.value;
  useEffect(() => {
    void transfers.load();
    const reloading = window.setInterval(() => document.hidden || void transfers.load(), RELOAD_MS);
    return () => window.clearInterval(reloading);
  }, []);
  return (
    <>
      <div class="panel-bar">
        <p class="soft">The last 90 days.</p>
        <WalletButtons />
      </div>
      {transfers.failure.value === "" ? null : (
        <p class="form-error" role="alert">
          {`Transfers could not be loaded: ${transfers.failure.value}`}
        </p>
      )}
      {list === null ? <p class="empty">Loading your transfers…</p> : <Rows list={list} />}
    </>
  );
}

function Rows({ list }: { list: readonly Transfer[] }): JSX.Element {
  if (list.length === 0) {
    return (
      <div class="empty">
        <strong>No deposits or withdrawals yet.</strong>
      </div>
    );
  }
  return (
    <table class="table table-cards" data-testid="transfers">
      <thead>
        <tr>
          <th>Time</th>
          <th>Transfer</th>
          <th class="number">Amount</th>
          <th>Address</th>
          <th>Transaction</th>
          <th>State</th>
          <th class="cell-end"><span class="visually-hidden">Actions</span></th>
        </tr>
      </thead>
      <tbody>
        {list.map((transfer) => (
          <Row key={transfer.key} transfer={transfer} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ transfer }: { transfer: Transfer }): JSX.Element {
  const { transfers, portfolio, toasts } = useVenue();
  const isCanceling = useSignal(false);
  const cancel = async (): Promise<void> => {
    isCanceling.value = true;
    try {
      await transfers.cancel(transfer);
      toasts.show("plain", "Withdrawal canceled", `${grouped(trimAmount(transfer.amount))} ${transfer.coin} is yours to use again.`);
    } catch (error) {
      toasts.show("bad", "Withdrawal not canceled", messageOf(error));
    } finally {
      isCanceling.value = false;
    }
    void portfolio.refresh();
  };
  return (
    <tr data-transfer={transfer.key}>
      <td class="soft" data-label="Time">{dayTime(transfer.time)}</td>
      <td class="cell-pair">{transfer.isDeposit ? "Deposit" : "Withdrawal"}</td>
      <td class="number" data-label="Amount">{`${grouped(trimAmount(transfer.amount))} ${transfer.coin}`}</td>
      <td data-label="Address" class={transfer.address === "" ? "cell-nothing" : ""}><Long text={transfer.address} /></td>
      <td data-label="Transaction" class={transfer.txId === "" ? "cell-nothing" : ""}><Long text={transfer.txId} /></td>
      <td data-label="State" class={transfer.isDone ? "up" : "soft"}>
        {transfer.state}
        {transfer.info === "" ? null : <span class="cell-note">{transfer.info}</span>}
      </td>
      <td class="cell-end">
        {transfer.isCancelable && !isCanceling.value ? (
          <ConfirmButton label="Cancel" question="Really cancel?" onConfirm={() => void cancel()} />
        ) : null}
      </td>
    </tr>
  );
}

/** Shorten what is long for a table; the whole of it is in its title. */
function Long({ text }: { text: string }): JSX.Element {
  if (text === "") return <>–</>;
  return <code title={text}>{text.length > 20 ? `${text.slice(0, 10)}…${text.slice(-6)}` : text}</code>;
}
