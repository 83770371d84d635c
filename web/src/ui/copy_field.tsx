/** A value to copy. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { Icon } from "./icons";

const COPIED_MS = 1_500;

export function CopyField({ label, value }: { label: string; value: string }): JSX.Element {
  const isCopied = useSignal(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(value);
    isCopied.value = true;
    window.setTimeout(() => (isCopied.value = false), COPIED_MS);
  };
  return (
    <div class="copy-field">
      <label>
        <span>{label}</span>
        <input type="text" readOnly value={value} onFocus={(event) => event.currentTarget.select()} />
      </label>
      <button type="button" class="button button-quiet" onClick={() => void copy().catch(() => {})}>
        <Icon name={isCopied.value ? "check" : "copy"} />
        {isCopied.value ? "Copied" : "Copy"}
      </button>
    </div>
  );
}
