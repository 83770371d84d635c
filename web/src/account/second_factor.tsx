/**
 * The second factor: set up with an authenticator app, recovery codes once, switched off.
 *
 * In:    the password, codes.
 * Out:   the secret and the recovery codes, while they are on the screen.
 * Never: keeps either.
 */
import { type Signal, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { messageOf } from "../api/rest";
import type { WireSecondFactor } from "../api/wire";
import { CodeField } from "../ui/code_field";
import { CopyField } from "../ui/copy_field";
import { PasswordField, PasswordOwner } from "../ui/password_field";
import { QrCode } from "../ui/qr_code";
import { dayTime } from "../ui/times";
import { useVenue } from "../venue";
import { RecoveryCodes } from "./recovery_codes";

const PATH = "/bourse/v1/second-factor";

interface Begun {
  secret: string;
  uri: string;
}

type Step = "none" | "password" | "off" | Begun | readonly string[];

export interface SecondFactorSectionProps {
  factor: WireSecondFactor | null;
  isLoading: boolean;
  /** Set while there are, or may be, recovery codes that nobody has kept. */
  isHeld: Signal<boolean>;
  onChanged: () => void;
}

export function SecondFactorSection({ factor, isLoading, isHeld, onChanged }: SecondFactorSectionProps): JSX.Element {
  const { rest, toasts } = useVenue();
  const step = useSignal<Step>("none");
  const now = step.value;
  const cancel = (): void => {
    step.value = "none";
    isHeld.value = false;
  };
  const begin = async (password: string): Promise<void> => {
    step.value = await rest.signed<Begun>("POST", PATH, {}, { password });
  };
  const confirm = async (_password: string, code: string): Promise<void> => {
    isHeld.value = true;
    try {
      const { recoveryCodes } = await rest.signed<{ recoveryCodes: string[] }>("POST", `${PATH}/confirm`, {}, { code });
      step.value = recoveryCodes;
    } catch (error) {
      isHeld.value = false;
      throw error;
    }
    onChanged();
  };
  const remove = async (password: string, code: string): Promise<void> => {
    await rest.signed("POST", `${PATH}/remove`, {}, { password, code });
    toasts.show("plain", "Second factor switched off", "Your password alone signs you in.");
    step.value = "none";
    onChanged();
  };
  return (
    <section class="security-section" aria-label="Second factor">
      <div class="security-head">
        <div>
          <h3>Second factor {factor === null ? null : <State isOn={factor.isOn} />}</h3>
          <p class="soft">{words(factor, isLoading)}</p>
        </div>
        {now !== "none" || factor === null ? null : factor.isOn ? (
          <button type="button" class="button button-quiet" onClick={() => (step.value = "off")}>
            Switch off
          </button>
        ) : (
          <button type="button" class="button button-accent" onClick={() => (step.value = "password")}>
            Set up
          </button>
        )}
      </div>
      {now === "password" ? <ProofForm asks="password" submit="Go on" onSubmit={begin} onCancel={cancel} /> : null}
      {now === "off" ? <ProofForm asks="both" submit="Switch off" onSubmit={remove} onCancel={cancel} /> : null}
      {isBegun(now) ? (
        <div class="set-up">
          <QrCode text={now.uri} label="QR code for your authenticator app" />
          <div class="stack">
            <p>Scan this with an authenticator app (Aegis, Google Authenticator, 1Password and the like), or type the secret there.</p>
            <CopyField label="Secret" value={now.secret} />
            <ProofForm asks="code" submit="Switch on" onSubmit={confirm} onCancel={cancel} />
          </div>
        </div>
      ) : null}
      {Array.isArray(now) ? <RecoveryCodes codes={now} onDone={cancel} /> : null}
    </section>
  );
}

function State({ isOn }: { isOn: boolean }): JSX.Element {
  return <span class={isOn ? "tag tag-on" : "tag"}>{isOn ? "On" : "Off"}</span>;
}

function words(factor: WireSecondFactor | null, isLoading: boolean): string {
  if (factor === null) return isLoading ? "Loading…" : "Not loaded.";
  if (!factor.isOn) return "A code from your phone at each sign-in: a password that leaks is then not enough.";
  const since = factor.onSince === null ? "" : `Since ${dayTime(factor.onSince)}. `;
  return `${since}Asked for at sign-in, for withdrawals, for new API keys and for a new password. Recovery codes left: ${factor.recoveryCodesLeft}.`;
}

function isBegun(step: Step): step is Begun {
  return typeof step === "object" && "uri" in step;
}

interface ProofFormProps {
  asks: "password" | "code" | "both";
  submit: string;
  onSubmit: (password: string, code: string) => Promise<void>;
  onCancel: () => void;
}

function ProofForm({ asks, submit, onSubmit, onCancel }: ProofFormProps): JSX.Element {
  const password = useSignal("");
  const code = useSignal("");
  const failure = useSignal("");
  const isBusy = useSignal(false);
  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (isBusy.value) return;
    if (asks !== "code" && password.value === "") failure.value = "Enter your password.";
    else if (asks !== "password" && code.value.trim() === "") failure.value = "Enter the code that the app shows now.";
    else failure.value = "";
    if (failure.value !== "") return;
    isBusy.value = true;
    try {
      await onSubmit(password.value, code.value.trim());
    } catch (error) {
      failure.value = messageOf(error);
    } finally {
      isBusy.value = false;
    }
  };
  return (
    <form class="stack security-form" noValidate onSubmit={(event) => void send(event)}>
      {asks === "code" ? null : (
        <>
          <PasswordOwner />
          <PasswordField label="Your password" password={password} />
        </>
      )}
      {asks === "password" ? null : <CodeField code={code} hasRecovery={asks === "both"} />}
      {failure.value === "" ? null : (
        <p class="form-error" role="alert">
          {failure.value}
        </p>
      )}
      <div class="buttons">
        <button type="submit" class="button button-accent" aria-disabled={isBusy.value}>
          {isBusy.value ? "One moment…" : submit}
        </button>
        <button type="button" class="button button-quiet" disabled={isBusy.value} onClick={onCancel}>
          Cancel
        </button>
      </div>
    </form>
  );
}
