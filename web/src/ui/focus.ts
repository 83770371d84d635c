/** Keeps the keyboard's place: what had the focus may go, because it was used. */
import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";

/** The button that stands for the account: it is there whenever somebody is signed in. */
export const ACCOUNT_BUTTON = "account-button";

/** Hand the focus to the container when what had it there is taken away. */
export function useFocusKept(place: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const container = place.current;
    if (container === null) return undefined;
    let last: Element | null = null;
    const note = (event: FocusEvent): void => {
      last = event.target as Element;
    };
    const observer = new MutationObserver(() => {
      if (last === null || last.isConnected) return;
      last = null;
      if (document.activeElement === document.body) container.focus({ preventScroll: true });
    });
    container.addEventListener("focusin", note);
    observer.observe(container, { childList: true, subtree: true });
    return () => {
      observer.disconnect();
      container.removeEventListener("focusin", note);
    };
  }, []);
}

let opener: Element | null = null;

/** Remember what opened a dialog; one that takes the place of another has the same opener. */
export function noteOpener(): void {
  const focused = document.activeElement;
  if (focused !== null && focused !== document.body && focused.closest("dialog") === null) opener = focused;
}

/** Give the focus back once everything is drawn anew: signing in takes away the button that was pressed for it. */
export function returnToOpener(): void {
  window.setTimeout(() => {
    if (document.activeElement !== document.body) return;
    const place = opener?.isConnected === true ? opener : document.getElementById(ACCOUNT_BUTTON);
    (place as HTMLElement | null)?.focus({ preventScroll: true });
  });
}
