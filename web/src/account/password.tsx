/** Changing the password; every other session ends with the old one. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { CodeField, isCodeNeeded, messageBesideCode } from "../ui/code_field";
import { PasswordField, PasswordOwner } from "../ui/password_field";
import { useVenue } from "../venue";
import { PASSWORD_LENGTH_LEAST } from "./session";

export interface PasswordSectionProps {
  asksCode: boolean;
  onChanged: () => void;
}

export function PasswordSection({ asksCode, onChanged }: PasswordSectionProps): JSX.Element {
  const isOpen = useSignal(false);
  return (
    <section class="security-section" aria-label="Password">
      <div class="security-head">
        <div>
          <h3>Password</h3>
          <p class="soft">Changing it signs you out everywhere else. API keys stay.</p>
        </div>
        {isOpen.value ? null : (
          <button type="button" class="button button-quiet" onClick={() => (isOpen.value = true)}>
            Change password
          </button>
        )}
      </div>
      {isOpen.value ? (
        <PasswordForm
          asksCode={asksCode}
          onDone={(isChanged) => {
            isOpen.value = false;
            if (isChanged) onChanged();
          }}
        />
      ) : null}
    </section>
  );
}

function PasswordForm({ asksCode, onDone }: { asksCode: boolean; onDone: (isChanged: boolean) => void }): JSX.Element {
  const { rest, toasts } = useVenue();
  const current = useSignal("");
  const next = useSignal("");
  const repeated = useSignal("");
  const code = useSignal("");
  const isCodeMissing = useSignal(false);
  const failure = useSignal("");
  const isBusy = useSignal(false);

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (isBusy.value) return;
    failure.value = complaint(current.value, next.value, repeated.value);
    if (failure.value !== "") return;
    isBusy.value = true;
    try {
      const change = { currentPassword: current.value, newPassword: next.value, code: code.value.trim() || undefined };
      await rest.signed("PUT", "/bourse/v1/password", {}, change);
      toasts.show("good", "Password changed", "You are signed out everywhere else.");
      onDone(true);
    } catch (error) {
      if (isCodeNeeded(error)) isCodeMissing.value = true;
      failure.value = messageBesideCode(error);
    } finally {
      isBusy.value = false;
    }
  };

  return (
    <form class="stack security-form" noValidate onSubmit={(event) => void submit(event)}>
      <PasswordOwner />
      <PasswordField label="Current password" password={current} />
      <div class="field-pair">
        <PasswordField label="New password" password={next} isNew hint={`At least ${PASSWORD_LENGTH_LEAST} characters.`} />
        <PasswordField label="New password, once more" password={repeated} isNew />
      </div>
      {asksCode || isCodeMissing.value ? <CodeField code={code} /> : null}
      {failure.value === "" ? null : (
        <p class="form-error" role="alert">
          {failure.value}
        </p>
      )}
      <div class="buttons">
        <button type="submit" class="button button-accent" aria-disabled={isBusy.value}>
          {isBusy.value ? "One moment…" : "Change password"}
        </button>
        <button type="button" class="button button-quiet" onClick={() => onDone(false)}>
          Cancel
        </button>
      </div>
    </form>
  );
}

function complaint(current: string, next: string, repeated: string): string {
  if (current === "") return "Enter your current password.";
  if (next.length < PASSWORD_LENGTH_LEAST) return `The new password needs at least ${PASSWORD_LENGTH_LEAST} characters.`;
  if (next !== repeated) return "The two new passwords differ.";
  return "";
}
