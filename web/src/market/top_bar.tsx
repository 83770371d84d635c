/** The top of the page: what is traded, where it stands, whether we are connected, who is signed in. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { AccountMenu } from "../account/menu";
import { compact, formatAmount, grouped } from "../amounts";
import { useVenue } from "../venue";
import { Change } from "./change";
import { Picker } from "./picker";

export function TopBar(): JSX.Element {
  return (
    <header class="top-bar">
      <a class="brand" href="/" aria-label="openbourse, start page">
        <svg viewBox="0 0 20 20" aria-hidden="true">
          <path class="brand-down" d="M5 2h1.4v3H9v9H6.400v4H5v-4H2.500V5H5z" />
          <path class="brand-up" d="M14 3h1.400v3.500H18V13h-2.600v4.500H14V13h-2.500V6.500H14z" />
        </svg>
        <span>openbourse</span>
      </a>
      <Picker />
      <Figures />
      <div class="top-end">
        <ConnectionState />
        <AccountMenu />
      </div>
    </header>
  );
}

function Figures(): JSX.Element {
  const { market } = useVenue();
  const instrument = market.instrument.value;
  const ticker = market.ticker.value;
  const newest = market.trades.value[0];
  const decimals = instrument?.priceDecimals ?? 2;
  const price = (value: bigint | undefined): string => (value ? grouped(formatAmount(value, decimals)) : "–");
  const last = price(ticker?.last);
  const tone = newest === undefined ? "" : newest.isBuy ? "up" : "down";
  useEffect(() => {
    document.title = last === "–" || instrument === null ? "openbourse" : `${last} ${instrument.base}/${instrument.quote} · openbourse`;
  }, [last, instrument?.symbol]);
  return (
    <div class="figures">
      <strong class={`last-price ${tone}`} data-testid="last-price">
        {last}
      </strong>
      <dl>
        <div><dt>24 h change</dt><dd><Change ticker={ticker} /></dd></div>
        <div><dt>24 h high</dt><dd>{price(ticker?.high)}</dd></div>
        <div><dt>24 h low</dt><dd>{price(ticker?.low)}</dd></div>
        <div><dt>24 h volume ({instrument?.base ?? "base"})</dt><dd>{ticker === null ? "–" : compact(ticker.volume)}</dd></div>
        <div><dt>24 h turnover ({instrument?.quote ?? "quote"})</dt><dd>{ticker === null ? "–" : compact(ticker.quoteVolume)}</dd></div>
      </dl>
      {instrument === null || instrument.isTrading ? null : <em class="tag tag-warn">{instrument.status.toLowerCase()}</em>}
    </div>
  );
}

/** A short interruption is not worth a word; a longer one is. */
const WORDS_AFTER_MS = 1_000;

function ConnectionState(): JSX.Element {
  const { market, session, portfolio } = useVenue();
  const isSignedIn = session.credentials.value !== null;
  const isLive =
    market.failure.value === "" &&
    market.stream.connection.value === "open" &&
    (!isSignedIn || portfolio.connection.value === "open");
  const isLate = useSignal(false);
  useEffect(() => {
    isLate.value = false;
    const timer = window.setTimeout(() => (isLate.value = true), WORDS_AFTER_MS);
    return () => window.clearTimeout(timer);
  }, [isLive]);
  const state = isLive ? "live" : isLate.value ? "lost" : "wait";
  const words = { live: "Live", wait: "Connecting", lost: "Reconnecting…" }[state];
  return (
    <span class={`connection connection-${state}`} role="status" title={market.failure.value || words}>
      <i aria-hidden="true" />
      <span>{words}</span>
    </span>
  );
}
