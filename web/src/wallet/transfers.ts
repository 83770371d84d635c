/**
 * Deposits and withdrawals of the account.
 *
 * In:    the histories as the exchange answers them.
 * Out:   one list, newest first; a withdrawal asked for or canceled.
 * Never: says where money is by itself; the exchange does.
 */
import { signal } from "@preact/signals";
import { type Amount, wireAmount } from "../amounts";
import { messageOf, type RestClient } from "../api/rest";
import type { Params } from "../api/signing";
import type { WireDeposit, WireWithdrawal } from "../api/wire";

export interface Transfer {
  key: string;
  id: string;
  isDeposit: boolean;
  coin: string;
  amount: Amount;
  time: number;
  /** Where it goes, with its tag; empty for a deposit that came from no chain. */
  address: string;
  txId: string;
  state: string;
  /** Why it was not made. */
  info: string;
  isDone: boolean;
  /** Whether nobody has approved it, so that its user may still cancel it. */
  isCancelable: boolean;
}

const OWN_PATH = "/bourse/v1/withdrawals";
const AWAITS_APPROVAL = 2;
const COMPLETED = 6;
const STATES: Record<number, string> = {
  0: "Awaiting approval",
  1: "Canceled",
  2: "Awaiting approval",
  3: "Rejected",
  4: "Approved, being sent",
  5: "Not sent",
  6: "Completed",
};
const DEPOSIT_CREDITED = 1;

export class Transfers {
  readonly list = signal<readonly Transfer[] | null>(null);
  readonly failure = signal("");

  /** Counts accounts: what was asked for as another one is not shown. */
  private asker = 0;

  constructor(private readonly rest: RestClient) {}

  /** Fetch both histories: what the exchange tells of the last 90 days. */
  async load(): Promise<void> {
    const asker = this.asker;
    try {
      const [deposits, withdrawals] = await Promise.all([
        this.rest.signed<WireDeposit[]>("GET", "/sapi/v1/capital/deposit/hisrec"),
        this.rest.signed<WireWithdrawal[]>("GET", OWN_PATH),
      ]);
      if (asker !== this.asker) return;
      this.list.value = newestFirst([...deposits.map(readDeposit), ...withdrawals.map(readWithdrawal)]);
      this.failure.value = "";
    } catch (error) {
      if (asker === this.asker) this.failure.value = messageOf(error);
    }
  }

  /** Ask for a withdrawal. */
  async withdraw(params: Params, code: string): Promise<void> {
    await this.rest.signed<WireWithdrawal>("POST", OWN_PATH, params, { code: code || undefined });
    await this.load();
  }

  /** Take back a withdrawal that nobody has approved. */
  async cancel(transfer: Transfer): Promise<void> {
    try {
      await this.rest.signed<WireWithdrawal>("DELETE", OWN_PATH, { id: transfer.id });
    } finally {
      await this.load();
    }
  }

  /** Show nothing of an account that has signed out. */
  forget(): void {
    this.asker += 1;
    this.list.value = null;
    this.failure.value = "";
  }
}

export function readDeposit(wire: WireDeposit): Transfer {
  return {
    key: `deposit ${wire.id}`,
    id: wire.id,
    isDeposit: true,
    coin: wire.coin,
    amount: wireAmount(wire.amount),
    time: wire.insertTime,
    address: withTag(wire.address, wire.addressTag),
    txId: wire.txId,
    state: wire.status === DEPOSIT_CREDITED ? "Credited" : "On its way",
    info: "",
    isDone: wire.status === DEPOSIT_CREDITED,
    isCancelable: false,
  };
}

export function readWithdrawal(wire: WireWithdrawal): Transfer {
  return {
    key: `withdrawal ${wire.id}`,
    id: wire.id,
    isDeposit: false,
    coin: wire.coin,
    amount: wireAmount(wire.amount),
    time: utcTime(wire.applyTime),
    address: withTag(wire.address, wire.addressTag),
    txId: wire.txId,
    state: STATES[wire.status] ?? `State ${wire.status}`,
    info: wire.info,
    isDone: wire.status === COMPLETED,
    isCancelable: wire.status === AWAITS_APPROVAL,
  };
}

/** Read "2026-11-27 01:02:03", which is in UTC though it does not say so. */
export function utcTime(text: string): number {
  return Date.parse(`${text.replace(" ", "T")}Z`);
}

function withTag(address: string, tag: string): string {
  return tag === "" ? address : `${address} (tag ${tag})`;
}

function newestFirst(transfers: Transfer[]): Transfer[] {
  return transfers.sort((left, right) => right.time - left.time || (left.key < right.key ? 1 : -1));
}
