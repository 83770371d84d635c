/** What guards the account: the second factor, the password, the places where one is signed in. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { messageOf } from "../api/rest";
import type { WireOpenSession, WireSecondFactor } from "../api/wire";
import { Dialog } from "../ui/dialog";
import { useVenue } from "../venue";
import { PasswordSection } from "./password";
import { SecondFactorSection } from "./second_factor";
import { SessionsSection } from "./sessions";

export function SecurityDialog(): JSX.Element {
  const { rest, overlay } = useVenue();
  const factor = useSignal<WireSecondFactor | null>(null);
  const sessions = useSignal<WireOpenSession[] | null>(null);
  const failure = useSignal("");
  const isHeld = useSignal(false);

  const load = async (): Promise<void> => {
    try {
      [factor.value, sessions.value] = await Promise.all([
        rest.signed<WireSecondFactor>("GET", "/bourse/v1/second-factor"),
        rest.signed<WireOpenSession[]>("GET", "/bourse/v1/sessions"),
      ]);
      failure.value = "";
    } catch (error) {
      failure.value = messageOf(error);
    }
  };
  const retry = (): void => {
    failure.value = "";
    void load();
  };
  useEffect(() => void load(), []);

  return (
    <Dialog title="Security" isWide isHeld={isHeld.value} onClose={() => (overlay.value = "none")}>
      {failure.value === "" ? null : (
        <p class="form-error" role="alert">
          {`Not everything could be loaded: ${failure.value} `}
          <button type="button" class="link" onClick={retry}>
            Try again
          </button>
        </p>
      )}
      <SecondFactorSection factor={factor.value} isLoading={failure.value === ""} isHeld={isHeld} onChanged={() => void load()} />
      <PasswordSection asksCode={factor.value?.isOn === true} onChanged={() => void load()} />
      <SessionsSection sessions={sessions.value} isLoading={failure.value === ""} onChanged={() => void load()} />
    </Dialog>
  );
}
