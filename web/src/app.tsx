/** The page: panels on a wide screen, one column with a switch on a phone. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { ApiKeysDialog } from "./account/api_keys";
import { AccountPanel } from "./account/panel";
import { SecurityDialog } from "./account/security";
import { SignInDialog } from "./account/sign_in";
import { ChartPanel } from "./market/chart";
import { OrderBookPanel } from "./market/order_book";
import { TapePanel } from "./market/tape";
import { TopBar } from "./market/top_bar";
import { OrderForm } from "./orders/form";
import { clockTime } from "./ui/times";
import { ToastStack } from "./ui/toasts";
import { useVenue } from "./venue";
import { DepositDialog } from "./wallet/deposit";
import { WithdrawDialog } from "./wallet/withdraw";

const VIEWS = { chart: "Chart", book: "Book", tape: "Trades" } as const;
type View = keyof typeof VIEWS;

/** Says what makes everything below it wrong: no market at all, or one of some time ago. */
function Banner(): JSX.Element | null {
  const { market } = useVenue();
  const [failure, since] = [market.failure.value, market.staleSince.value];
  if (since === null && failure === "") return null;
  const words =
    since === null
      ? `The market cannot be shown yet: ${failure}`
      : `No connection to the exchange: prices, orders and balances are those of ${clockTime(since)}.`;
  return (
    <p class="banner" role="alert">
      {`${words} Trying again…`}
    </p>
  );
}

export function App(): JSX.Element {
  const { overlay, session } = useVenue();
  const view = useSignal<View>("chart");
  const isSignedIn = session.credentials.value !== null;
  const open = overlay.value;
  return (
    <>
      <TopBar />
      <Banner />
      <main class={`desk shows-${view.value}`}>
        <div class="views" role="group" aria-label="Market view">
          {Object.entries(VIEWS).map(([each, words]) => (
            <button type="button" class="tab" key={each} aria-pressed={view.value === each} onClick={() => (view.value = each as View)}>
              {words}
            </button>
          ))}
        </div>
        <ChartPanel />
        <OrderBookPanel />
        <OrderForm />
        <div class="tape-column">
          <TapePanel />
          <ToastStack />
        </div>
        <AccountPanel />
      </main>
      {open === "sign-in" || open === "sign-up" ? <SignInDialog key={open} isNew={open === "sign-up"} /> : null}
      {open === "api-keys" && isSignedIn ? <ApiKeysDialog /> : null}
      {open === "security" && isSignedIn ? <SecurityDialog /> : null}
      {open === "deposit" && isSignedIn ? <DepositDialog /> : null}
      {open === "withdraw" && isSignedIn ? <WithdrawDialog /> : null}
    </>
  );
}
