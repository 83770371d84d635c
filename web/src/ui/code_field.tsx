/** Asks for a code of the second factor: the app's digits, or a recovery code of who has lost it. */
import { type Signal, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { ApiError, messageOf } from "../api/rest";

const CODE_NEEDED = -5004;
const RECOVERY_LENGTH_MOST = 24;

/** Whether the exchange asks for a code. */
export function isCodeNeeded(error: unknown): boolean {
  return error instanceof ApiError && error.code === CODE_NEEDED;
}

/** Say an error beside a code field: the exchange's own sentence on a missing code is written for programs. */
export function messageBesideCode(error: unknown): string {
  return isCodeNeeded(error) ? "Enter a code of your authenticator app." : messageOf(error);
}

export interface CodeFieldProps {
  code: Signal<string>;
  /** Take the focus when the field appears. */
  isFirst?: boolean;
  /** False while the second factor is set up: there are no recovery codes yet. */
  hasRecovery?: boolean;
}

export function CodeField({ code, isFirst = false, hasRecovery = true }: CodeFieldProps): JSX.Element {
  const isRecovery = useSignal(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (isFirst) input.current?.focus();
  }, []);
  const change = (): void => {
    isRecovery.value = !isRecovery.value;
    code.value = "";
  };
  return (
    <div class="code-field">
      <label class="field">
        <span>{isRecovery.value ? "Recovery code" : "Code from your authenticator app"}</span>
        <input
          type="text"
          name="code"
          autocomplete="one-time-code"
          autocapitalize="characters"
          spellcheck={false}
          inputMode={isRecovery.value ? "text" : "numeric"}
          maxLength={isRecovery.value ? RECOVERY_LENGTH_MOST : 7}
          placeholder={isRecovery.value ? "XXXX-XXXX-XXXX-XXXX" : "123 456"}
          ref={input}
          value={code.value}
          onInput={(event) => (code.value = event.currentTarget.value)}
        />
      </label>
      {hasRecovery ? (
        <button type="button" class="link" onClick={change}>
          {isRecovery.value ? "Use the app" : "Use a recovery code"}
        </button>
      ) : null}
    </div>
  );
}
