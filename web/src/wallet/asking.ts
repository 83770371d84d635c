/**
 * The id under which a withdrawal is asked for: the exchange takes each once, so asking again makes no second one.
 *
 * In:    what is asked for, and what became of it.
 * Out:   the id to send, and the withdrawal of which nobody knows whether it was made.
 * Never: gives up an id while its outcome is unknown: not when the dialog is closed, nor when the page is loaded anew.
 */
import { type ReadonlySignal, signal } from "@preact/signals";
import { ApiError } from "../api/rest";

const CODE_TOO_LITTLE = -4026;
const TAKEN = "withdrawOrderId is used already.";
const KEY = "openbourse.withdrawal.";

/** A withdrawal that was asked for and has no answer. */
export interface Doubt {
  id: string;
  /** How much of which coin. */
  what: string;
  askedAt: number;
}

/** Where a doubt outlives the page. */
export type Shelf = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export class Asking {
  private readonly unanswered = signal<Doubt | null>(null);
  private account = "";
  private asked = "";
  private wasInDoubt = false;
  private readonly sent = signal(false);

  constructor(private readonly shelf: Shelf) {}

  /** What is waited for: the account asked for it, and no answer says whether it was made. */
  get doubt(): ReadonlySignal<Doubt | null> {
    return this.unanswered;
  }

  /** Whether a request is on its way: nothing else is asked for until it has an answer, or none in time. */
  get isUnderWay(): ReadonlySignal<boolean> {
    return this.sent;
  }

  /** Take up what this account has asked for without an answer, here or in another tab; nothing of no account. */
  follow(account: string): void {
    this.account = account;
    this.sent.value = false;
    this.recall();
  }

  /** Return what is in doubt, as another tab may have left it. */
  recall(): Doubt | null {
    if (!this.sent.value) this.unanswered.value = this.kept();
    return this.unanswered.value;
  }

  /** Return the id to ask by, written down before anything is sent: the one in doubt, if there is one. */
  begin(what: string, now: number): string {
    const kept = this.kept();
    const doubt = kept ?? { id: newId(), what, askedAt: now };
    this.wasInDoubt = kept !== null;
    this.asked = doubt.id;
    this.sent.value = true;
    this.shelf.setItem(KEY + this.account, JSON.stringify(doubt));
    return doubt.id;
  }

  /** It is known what became of the withdrawal that was asked for last: another one begins with the next. */
  settle(): void {
    this.sent.value = false;
    this.forget(this.asked);
  }

  /**
   * Take in why there was no withdrawal to show; return whether it had been asked for all the same.
   * An id of which nobody knows the outcome is kept: a refusal that comes before the id is looked at says nothing of it.
   */
  failed(error: unknown): boolean {
    this.sent.value = false;
    const isTaken = error instanceof ApiError && error.message === TAKEN;
    // Too little money is found out once the id is written down, so the request before did not arrive.
    const isRefusal = error instanceof ApiError && !error.isInDoubt && (!this.wasInDoubt || error.code === CODE_TOO_LITTLE);
    if (isTaken || isRefusal) this.settle();
    else this.recall();
    return isTaken;
  }

  /** Take in that the exchange has a withdrawal of this id; return whether it is the one in doubt, which is in doubt no more. */
  found(id: string): boolean {
    // Of what another tab waits for now this one may not have heard, and it must not be forgotten for an older one.
    if (this.sent.value || this.recall()?.id !== id) return false;
    this.forget(id);
    return true;
  }

  private forget(id: string): void {
    if (this.kept()?.id === id) this.shelf.removeItem(KEY + this.account);
    this.recall();
  }

  private kept(): Doubt | null {
    const text = this.account === "" ? null : this.shelf.getItem(KEY + this.account);
    return text === null ? null : (JSON.parse(text) as Doubt);
  }
}

function newId(): string {
  return `page-${Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
