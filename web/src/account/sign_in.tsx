/** The dialog that signs a person in, or up and in. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { messageOf } from "../api/rest";
import { CodeField, isCodeNeeded } from "../ui/code_field";
import { Dialog } from "../ui/dialog";
import { useVenue } from "../venue";
import { PASSWORD_LENGTH_LEAST } from "./session";

export function SignInDialog({ isNew }: { isNew: boolean }): JSX.Element {
  const { rest, session, overlay, toasts } = useVenue();
  const email = useSignal("");
  const password = useSignal("");
  const code = useSignal("");
  const asksCode = useSignal(false);
  const failure = useSignal("");
  const isBusy = useSignal(false);
  const close = (): void => {
    overlay.value = "none";
  };

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (isBusy.value) return;
    failure.value = complaint(email.value, password.value, isNew);
    if (failure.value !== "") return;
    isBusy.value = true;
    try {
      if (isNew) await session.signUp(rest, email.value.trim(), password.value);
      else await session.signIn(rest, email.value.trim(), password.value, code.value.trim() || undefined);
      close();
      if (isNew) toasts.show("good", "Welcome", "Take test funds to begin trading.", "welcome");
    } catch (error) {
      if (isCodeNeeded(error) && !asksCode.value) asksCode.value = true;
      else failure.value = messageOf(error);
    } finally {
      isBusy.value = false;
    }
  };

  return (
    <Dialog title={isNew ? "Create an account" : "Sign in"} onClose={close}>
      <form class="stack" noValidate onSubmit={(event) => void submit(event)}>
        <label class="field">
          <span>E-mail</span>
          <input
            type="email"
            name="email"
            autocomplete="username"
            autofocus
            value={email.value}
            onInput={(event) => (email.value = event.currentTarget.value)}
          />
        </label>
        <label class="field">
          <span>Password</span>
          <input
            type="password"
            name="password"
            autocomplete={isNew ? "new-password" : "current-password"}
            value={password.value}
            onInput={(event) => (password.value = event.currentTarget.value)}
          />
          {isNew ? <small>At least {PASSWORD_LENGTH_LEAST} characters. A few random words are easy to remember.</small> : null}
        </label>
        {asksCode.value ? <CodeField code={code} isFirst /> : null}
        {failure.value === "" ? null : (
          <p class="form-error" role="alert">
            {failure.value}
          </p>
        )}
        <button type="submit" class="button button-accent button-large" aria-disabled={isBusy.value}>
          {isBusy.value ? "One moment…" : isNew ? "Create account" : "Sign in"}
        </button>
      </form>
      <p class="dialog-switch">
        {isNew ? "Have an account?" : "New here?"}{" "}
        <button type="button" class="link" onClick={() => (overlay.value = isNew ? "sign-in" : "sign-up")}>
          {isNew ? "Sign in" : "Create one"}
        </button>
      </p>
    </Dialog>
  );
}

function complaint(email: string, password: string, isNew: boolean): string {
  if (!/^\S+@\S+$/.test(email.trim())) return "Enter your e-mail address.";
  if (password === "") return "Enter your password.";
  if (isNew && password.length < PASSWORD_LENGTH_LEAST) return `The password needs at least ${PASSWORD_LENGTH_LEAST} characters.`;
  return "";
}
