/** A password to type, and whose it is. */
import type { Signal } from "@preact/signals";
import type { JSX } from "preact";
import { useVenue } from "../venue";

export interface PasswordFieldProps {
  label: string;
  password: Signal<string>;
  isNew?: boolean;
  hint?: string;
}

export function PasswordField({ label, password, isNew = false, hint = "" }: PasswordFieldProps): JSX.Element {
  return (
    <label class="field">
      <span>{label}</span>
      <input
        type="password"
        autocomplete={isNew ? "new-password" : "current-password"}
        value={password.value}
        onInput={(event) => (password.value = event.currentTarget.value)}
      />
      {hint === "" ? null : <small>{hint}</small>}
    </label>
  );
}

/** Tells the browser's password store, and nobody else, whose password a form asks for. */
export function PasswordOwner(): JSX.Element {
  const { session } = useVenue();
  return <input type="text" name="username" autocomplete="username" readOnly hidden value={session.credentials.value?.email ?? ""} />;
}
