/** A field for an exact decimal, with its unit, steps by the arrow keys, and what is wrong with it below. */
import type { JSX } from "preact";
import { useId } from "preact/hooks";
import { type Amount, decimalsOf, floorTo, formatAmount, parseAmount } from "../amounts";

export interface AmountFieldProps {
  label: string;
  unit: string;
  value: string;
  step: Amount;
  complaint: string | undefined;
  placeholder?: string | undefined;
  onInput: (text: string) => void;
}

export function AmountField({ label, unit, value, step, complaint, placeholder, onInput }: AmountFieldProps): JSX.Element {
  const id = useId();
  const move = (event: KeyboardEvent): void => {
    if ((event.key !== "ArrowUp" && event.key !== "ArrowDown") || step === 0n) return;
    event.preventDefault();
    const distance = event.shiftKey ? step * 10n : step;
    const current = floorTo(parseAmount(value) ?? 0n, step);
    const next = event.key === "ArrowUp" ? current + distance : current - distance;
    onInput(formatAmount(next < 0n ? 0n : next, decimalsOf(step)));
  };
  return (
    <div class={`amount-field${complaint === undefined ? "" : " is-wrong"}`}>
      <label for={id}>{label}</label>
      <div class="amount-box">
        <input
          id={id}
          type="text"
          inputMode="decimal"
          autocomplete="off"
          spellcheck={false}
          value={value}
          placeholder={placeholder ?? ""}
          aria-invalid={complaint !== undefined}
          aria-describedby={`${id}-note`}
          onInput={(event) => onInput(plainDecimal(event.currentTarget.value))}
          onKeyDown={move}
        />
        <span aria-hidden="true">{unit}</span>
      </div>
      <p id={`${id}-note`} class="amount-note" role={complaint === undefined ? undefined : "alert"}>
        {complaint ?? ""}
      </p>
    </div>
  );
}

/** Take what people type or paste for a decimal: spaces and separators between thousands are dropped. */
function plainDecimal(text: string): string {
  const bare = text.replace(/\s/g, "");
  return /^\d{1,3}(,\d{3})+(\.\d*)?$/.test(bare) ? bare.replace(/,/g, "") : bare.replace(",", ".");
}
