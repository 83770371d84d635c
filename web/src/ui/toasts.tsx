/**
 * Short notices: fills, answers, errors. A notice with a key replaces the earlier one of that key.
 *
 * On a wide screen they have a place of their own, which the list of trades gives up for as long; elsewhere the newest
 * one alone lies over the lower edge.
 */
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useVenue } from "../venue";
import { Icon } from "./icons";

export type Tone = "good" | "bad" | "plain";

export interface Toast {
  id: number;
  key: string;
  tone: Tone;
  title: string;
  detail: string;
  /** The exchange's own code of a refusal, for whoever looks it up. */
  code: string;
}

const SHOWN_MS = 5_000;
const SHOWN_BAD_MS = 10_000;
const SHOWN_MOST = 2;

export class Toasts {
  readonly list = signal<readonly Toast[]>([]);
  private readonly timers = new Map<number, number>();
  private nextId = 1;

  show(tone: Tone, title: string, detail = "", key = "", code = "", shownMs = tone === "bad" ? SHOWN_BAD_MS : SHOWN_MS): void {
    // What replaces a notice is the same one to whoever draws it: it does not come in anew.
    const id = this.list.value.find((toast) => key !== "" && toast.key === key)?.id ?? this.nextId++;
    const others = this.list.value.filter((toast) => toast.id !== id);
    this.list.value = [...others, { id, key, tone, title, detail, code }].slice(-SHOWN_MOST);
    window.clearTimeout(this.timers.get(id));
    this.timers.set(id, window.setTimeout(() => this.dismiss(id), shownMs));
  }

  dismiss(id: number): void {
    window.clearTimeout(this.timers.get(id));
    this.timers.delete(id);
    this.list.value = this.list.value.filter((toast) => toast.id !== id);
  }
}

export function ToastStack(): JSX.Element {
  const { toasts } = useVenue();
  return (
    <div class="toasts" role="log" aria-live="polite" aria-label="Notices">
      {toasts.list.value.map((toast) => (
        <div key={toast.id} class={`toast toast-${toast.tone}`} role={toast.tone === "bad" ? "alert" : "status"}>
          <Icon name={toast.tone === "good" ? "check" : toast.tone === "bad" ? "warning" : "info"} />
          <div class="toast-text">
            <strong>{toast.title}</strong>
            {toast.detail === "" ? null : <span>{toast.detail}</span>}
            {toast.code === "" ? null : <small>{toast.code}</small>}
          </div>
          <button type="button" class="icon-button" aria-label="Dismiss" onClick={() => toasts.dismiss(toast.id)}>
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}
