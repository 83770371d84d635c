/** A button that asks once more in its own place before it does something that cannot be undone. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";

const ASKING_MS = 3_000;

export interface ConfirmButtonProps {
  label: string;
  question: string;
  onConfirm: () => void;
}

export function ConfirmButton({ label, question, onConfirm }: ConfirmButtonProps): JSX.Element {
  const isAsking = useSignal(false);
  const press = (): void => {
    if (isAsking.value) {
      isAsking.value = false;
      onConfirm();
      return;
    }
    isAsking.value = true;
    window.setTimeout(() => (isAsking.value = false), ASKING_MS);
  };
  return (
    <button type="button" class={`button button-small${isAsking.value ? " button-danger" : " button-quiet"}`} onClick={press}>
      {isAsking.value ? question : label}
    </button>
  );
}
