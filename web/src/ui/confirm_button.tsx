/** A button that asks once more in its own place before it does something that cannot be undone. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { Confirmation } from "./confirmation";

export interface ConfirmButtonProps {
  label: string;
  question: string;
  onConfirm: () => void;
}

export function ConfirmButton({ label, question, onConfirm }: ConfirmButtonProps): JSX.Element {
  const confirmation = useMemo(() => new Confirmation(), []);
  const state = confirmation.state.value;
  const press = (): void => {
    if (confirmation.press()) onConfirm();
  };
  return (
    <button
      type="button"
      class={`button button-small${state === "none" ? " button-quiet" : " button-danger"}`}
      aria-disabled={state === "fresh"}
      onClick={press}
    >
      {state === "none" ? label : question}
    </button>
  );
}
