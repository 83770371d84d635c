/** The account's corner: sign in and up, or who is signed in and what they can open. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { ACCOUNT_BUTTON } from "../ui/focus";
import { Icon, type IconName } from "../ui/icons";
import { useVenue } from "../venue";
import { takeTestFunds } from "../wallet/test_funds";

export function AccountMenu(): JSX.Element {
  const { session, overlay } = useVenue();
  const credentials = session.credentials.value;
  if (!session.isKnown.value) return <span class="account-wait" aria-hidden="true" />;
  if (credentials !== null) return <SignedIn email={credentials.email} />;
  return (
    <div class="account-buttons">
      <button type="button" class="button button-quiet" onClick={() => (overlay.value = "sign-in")}>
        Sign in
      </button>
      <button type="button" class="button button-accent" onClick={() => (overlay.value = "sign-up")}>
        Sign up
      </button>
    </div>
  );
}

function SignedIn({ email }: { email: string }): JSX.Element {
  const venue = useVenue();
  const isOpen = useSignal(false);
  const place = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const closeOutside = (event: Event): void => {
      if (place.current?.contains(event.target as Node) === false) isOpen.value = false;
    };
    document.addEventListener("pointerdown", closeOutside);
    document.addEventListener("focusin", closeOutside);
    return () => {
      document.removeEventListener("pointerdown", closeOutside);
      document.removeEventListener("focusin", closeOutside);
    };
  }, []);
  const close = (): void => {
    isOpen.value = false;
    button.current?.focus();
  };
  const entry = (icon: IconName, label: string, act: () => void): JSX.Element => (
    <button
      type="button"
      onClick={() => {
        close();
        act();
      }}
    >
      <Icon name={icon} />
      {label}
    </button>
  );
  return (
    <div class="account-menu" ref={place} onKeyDown={(event) => event.key === "Escape" && isOpen.value && close()}>
      <button
        type="button"
        id={ACCOUNT_BUTTON}
        class="button button-quiet"
        ref={button}
        aria-expanded={isOpen.value}
        aria-label={`Account ${email}`}
        onClick={() => (isOpen.value = !isOpen.value)}
      >
        <Icon name="user" />
        <span class="account-email">{email}</span>
        <Icon name="chevron" />
      </button>
      {isOpen.value ? (
        <div class="menu">
          <p title={email}>{email}</p>
          {entry("drop", "Take test funds", () => void takeTestFunds(venue))}
          {entry("key", "API keys", () => (venue.overlay.value = "api-keys"))}
          {entry("shield", "Security", () => (venue.overlay.value = "security"))}
          {entry("exit", "Sign out", () => void venue.session.signOut(venue.rest))}
        </div>
      ) : null}
    </div>
  );
}
