/** Builds the parts and draws the page. */
import { signal } from "@preact/signals";
import { render } from "preact";
import { Portfolio } from "./account/portfolio";
import { Session } from "./account/session";
import { grouped, trimAmount } from "./amounts";
import { ExchangeClock } from "./api/clock";
import { MarketStream } from "./api/market_stream";
import { RestClient } from "./api/rest";
import { App } from "./app";
import { Market } from "./market/market";
import { OrderDesk } from "./orders/desk";
import "./styles/tokens.css";
import "./styles/controls.css";
import "./styles/layout.css";
import "./styles/market.css";
import "./styles/account.css";
import { Toasts } from "./ui/toasts";
import { type Overlay, VenueContext } from "./venue";
import { Asking } from "./wallet/asking";
import { Transfers } from "./wallet/transfers";

const clock = new ExchangeClock();
const session = new Session();
const rest = new RestClient(clock, () => session.credentials.value);
const toasts = new Toasts();
const market = new Market(rest, new MarketStream());
const portfolio = new Portfolio(rest, clock, session, market, toasts);
const desk = new OrderDesk(rest, market, portfolio, toasts);
const transfers = new Transfers(rest, new Asking(localStorage));
const overlay = signal<Overlay>("none");
const picked = signal("");

rest.onKeyRefused = () => void session.expire();
session.credentials.subscribe((credentials) => transfers.follow(credentials?.accountId ?? ""));
session.onExpired = () => {
  toasts.show("plain", "Your session ended", "Sign in again to go on trading.", "session");
};

transfers.onFound = ({ amount, coin, isRefused, info }) => {
  const what = `${grouped(trimAmount(amount))} ${coin}`;
  if (isRefused) {
    toasts.show("bad", "Withdrawal not made", `${what}: ${info || "the exchange refused it."}`);
  } else {
    if (overlay.value === "withdraw") overlay.value = "none"; // What is in its fields was asked for.
    const words = `${what}: the answer was lost, the withdrawal was made. Transfers shows what becomes of it.`;
    toasts.show("good", "Withdrawal asked for", words);
  }
  void portfolio.refresh();
};

const root = document.getElementById("app");
if (root === null) throw new Error("index.html has no #app");
render(
  <VenueContext.Provider value={{ rest, market, session, portfolio, desk, toasts, transfers, overlay, picked }}>
    <App />
  </VenueContext.Provider>,
  root,
);
void session.restore();
void market.start();
