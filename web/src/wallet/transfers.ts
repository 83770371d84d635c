/**
 * Deposits and withdrawals of the account.
 *
 * In:    the histories as the exchange answers them.
 * Out:   one list, newest first; a withdrawal asked for or canceled.
 * Never: says where money is by itself; the exchange does.
 */
import { signal } from "@preact/signals";
import { type Amount, formatAmount, grouped, trimAmount, wireAmount } from "../amounts";
import { messageOf, type RestClient } from "../api/rest";
import type { Params } from "../api/signing";
import type { WireDeposit, WireWithdrawal } from "../api/wire";
import type { Asking } from "./asking";

export interface Transfer {
  key: string;
  id: string;
  /** The id that a withdrawal was asked for by; empty without one. */
  orderId: string;
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
  /** Whether it will never be made. */
  isRefused: boolean;
}

const OWN_PATH = "/bourse/v1/withdrawals";
const AWAITS_APPROVAL = 2;
const REJECTED = 3;
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
/** How long after a lost answer, and after each other, it is looked whether the withdrawal is there. */
const LOOK_AGAIN_MS = [0, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000];

/** What a person asks for of a withdrawal. */
export interface Wanted {
  coin: string;
  address: string;
  amount: Amount;
}

export class Transfers {
  readonly list = signal<readonly Transfer[] | null>(null);
  readonly failure = signal("");

  /** Called when a withdrawal is there whose answer was lost. */
  onFound: (withdrawal: Transfer) => void = () => {};

  /** Counts accounts: what was asked for as another one is not shown. */
  private asker = 0;
  /** Counts the times somebody began to look for what is in doubt: the newest goes on. */
  private looker = 0;

  constructor(
    private readonly rest: RestClient,
    readonly asking: Asking,
  ) {}

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
      const asked = this.list.value.find(({ orderId }) => this.asking.found(orderId));
      if (asked !== undefined) this.onFound(asked);
    } catch (error) {
      if (asker === this.asker) this.failure.value = messageOf(error);
    }
  }

  /** Ask for a withdrawal; return false when the request before had arrived, so that none was made now. */
  async withdraw({ coin, address, amount }: Wanted, code: string): Promise<boolean> {
    const asker = this.asker;
    const withdrawOrderId = this.asking.begin(`${grouped(trimAmount(amount))} ${coin}`, Date.now());
    const params: Params = { coin, address, amount: formatAmount(amount), withdrawOrderId };
    let isNew = true;
    try {
      await this.rest.signed<WireWithdrawal>("POST", OWN_PATH, params, { code: code || undefined });
      if (asker === this.asker) this.asking.settle();
    } catch (error) {
      if (asker === this.asker) isNew = !this.asking.failed(error);
      if (isNew) {
        void this.look();
        throw error;
      }
    }
    await this.load();
    return isNew;
  }

  /** Take back a withdrawal that nobody has approved. */
  async cancel(transfer: Transfer): Promise<void> {
    try {
      await this.rest.signed<WireWithdrawal>("DELETE", OWN_PATH, { id: transfer.id });
    } finally {
      await this.load();
    }
  }

  /** Show nothing of another account than this; of none, if it is empty. */
  follow(account: string): void {
    this.asker += 1;
    this.list.value = null;
    this.failure.value = "";
    this.asking.follow(account);
    void this.look();
  }

  /** Look a few times whether the withdrawal in doubt is there; thereafter whoever opens the dialog or the list looks. */
  async look(): Promise<void> {
    this.looker += 1;
    const looker = this.looker;
    for (const pause of LOOK_AGAIN_MS) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      if (looker !== this.looker || this.asking.recall() === null) return;
      await this.load();
    }
  }
}

export function readDeposit(wire: WireDeposit): Transfer {
  return {
    key: `deposit ${wire.id}`,
    id: wire.id,
    orderId: "",
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
    isRefused: false,
  };
}

export function readWithdrawal(wire: WireWithdrawal): Transfer {
  return {
    key: `withdrawal ${wire.id}`,
    id: wire.id,
    orderId: wire.withdrawOrderId ?? "",
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
    isRefused: wire.status === REJECTED,
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
