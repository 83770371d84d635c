/** What belongs to the account, in tabs: open orders, past orders, fills, balances, transfers. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { OpenOrders } from "../orders/open_orders";
import { PastOrders } from "../history/past_orders";
import { PastFills } from "../history/past_fills";
import { useFocusKept } from "../ui/focus";
import { useVenue } from "../venue";
import { Balances } from "../wallet/balances";
import { TransfersTable } from "../wallet/transfers_table";

const TABS = ["open", "past", "fills", "balances", "transfers"] as const;
type Tab = (typeof TABS)[number];

export function AccountPanel(): JSX.Element {
  const { session, portfolio } = useVenue();
  const tab = useSignal<Tab>("open");
  const isSignedIn = session.credentials.value !== null;
  const body = useRef<HTMLDivElement>(null);
  useFocusKept(body);
  const count = portfolio.openOrders.value.length;
  const words: Record<Tab, string> = {
    open: count === 0 ? "Open orders" : `Open orders (${count})`,
    past: "Order history",
    fills: "My trades",
    balances: "Balances",
    transfers: "Transfers",
  };
  const move = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? TABS.length - 1 : 0;
    if (step === 0) return;
    tab.value = TABS[(TABS.indexOf(tab.value) + step) % TABS.length] ?? "open";
    document.getElementById(`tab-${tab.value}`)?.focus();
  };
  return (
    <section class="panel account-panel" aria-label="Your account">
      <div class="tabs" role="tablist" aria-label="Your account" onKeyDown={move}>
        {TABS.map((each) => (
          <button
            type="button"
            key={each}
            id={`tab-${each}`}
            class="tab"
            role="tab"
            aria-selected={tab.value === each}
            aria-controls="tab-body"
            tabIndex={tab.value === each ? 0 : -1}
            onClick={() => (tab.value = each)}
          >
            {words[each]}
          </button>
        ))}
      </div>
      <div id="tab-body" class="tab-body" role="tabpanel" ref={body} tabIndex={0} aria-labelledby={`tab-${tab.value}`}>
        {isSignedIn ? <TabBody tab={tab.value} /> : <SignedOut />}
      </div>
    </section>
  );
}

function TabBody({ tab }: { tab: Tab }): JSX.Element {
  const { portfolio } = useVenue();
  if (!portfolio.isLoaded.value) return <p class="empty">Loading your account…</p>;
  if (tab === "open") return <OpenOrders />;
  if (tab === "past") return <PastOrders />;
  if (tab === "fills") return <PastFills />;
  if (tab === "balances") return <Balances />;
  return <TransfersTable />;
}

function SignedOut(): JSX.Element {
  const { overlay } = useVenue();
  return (
    <div class="empty empty-large">
      <strong>Your orders, trades and balances appear here.</strong>
      <p>
        <button type="button" class="link" onClick={() => (overlay.value = "sign-up")}>
          Create an account
        </button>{" "}
        and take test funds, or{" "}
        <button type="button" class="link" onClick={() => (overlay.value = "sign-in")}>
          sign in
        </button>
        .
      </p>
    </div>
  );
}
