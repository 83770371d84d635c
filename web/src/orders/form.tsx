/** The order form: what is typed here is text until the rules turn it into parameters. */
import { type Signal, useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { divide, formatAmount, grouped, multiply, parseAmount, trimAmount } from "../amounts";
import type { Side, TimeInForce } from "../api/wire";
import { costOf } from "../market/book";
import type { Instrument } from "../market/instruments";
import { useVenue, type Venue } from "../venue";
import { takeTestFunds } from "../wallet/test_funds";
import { AmountField } from "./amount_field";
import { complaintsAbout, type Complaints, type Draft, lotFor, orderParams, type Reference, shareOf, stopLimitType } from "./rules";
import { conditionWords } from "./words";

const EMPTY: Draft = {
  side: "BUY",
  type: "LIMIT",
  stop: "",
  price: "",
  quantity: "",
  total: "",
  isByTotal: false,
  timeInForce: "GTC",
  isPostOnly: false,
};
const SHARES = [25n, 50n, 75n, 100n];
const LIFETIMES: Record<TimeInForce, string> = {
  GTC: "GTC: until canceled",
  IOC: "IOC: fill now, cancel the rest",
  FOK: "FOK: all now or nothing",
};

export function OrderForm(): JSX.Element {
  const venue = useVenue();
  const { market } = venue;
  const draft = useSignal<Draft>(EMPTY);
  const isBusy = useSignal(false);
  const instrument = market.instrument.value;

  // Another instrument, another price: an old number in the field would be dangerous.
  useSignalEffect(() => {
    void market.symbol.value;
    const { type } = draft.peek();
    const isOffered = type !== "STOP_LIMIT" || market.instrument.peek()?.hasStopLimits === true;
    draft.value = { ...draft.peek(), type: isOffered ? type : "LIMIT", stop: "", price: "", quantity: "", total: "" };
  });
  useSignalEffect(() => {
    const picked = market.picked.value;
    const decimals = market.instrument.peek()?.priceDecimals ?? 8;
    if (picked === null) return;
    const { type } = draft.peek();
    change(draft, { price: formatAmount(picked.price, decimals), type: type === "MARKET" ? "LIMIT" : type });
  });

  return (
    <section class="panel ticket-panel" aria-label="Order form">
      {instrument === null ? <p class="empty">Loading instruments…</p> : <Ticket {...{ venue, draft, isBusy, instrument }} />}
    </section>
  );
}

interface TicketProps {
  venue: Venue;
  draft: Signal<Draft>;
  isBusy: Signal<boolean>;
  instrument: Instrument;
}

function Ticket({ venue, draft, isBusy, instrument }: TicketProps): JSX.Element {
  const { session, portfolio, desk } = venue;
  const isSignedIn = session.credentials.value !== null;
  const means = isSignedIn && portfolio.isLoaded.value
    ? { base: portfolio.available(instrument.base), quote: portfolio.available(instrument.quote) }
    : null;
  const reference = referencePrice(venue, draft.value);
  const complaints = complaintsAbout(draft.value, instrument, means, reference, venue.market.average.value);

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const params = orderParams(draft.value, instrument, desk.newClientOrderId(), reference);
    if (params === null || isBusy.value || Object.keys(complaints).length > 0) return;
    isBusy.value = true;
    const isPlaced = await desk.place(params);
    isBusy.value = false;
    if (isPlaced) change(draft, { stop: "", quantity: "", total: "" });
  };
  const share = (percent: bigint): void => {
    if (means === null) return;
    // A share needs a price to turn money into a quantity: the last one, if none is typed.
    if (draft.value.type !== "MARKET" && draft.value.price === "" && reference !== null) {
      change(draft, { price: formatAmount(reference, instrument.priceDecimals) });
    }
    const part = shareOf(draft.value, percent, instrument, means, reference);
    change(draft, part);
    if (part.quantity !== undefined) change(draft, { total: totalFor(draft.value) });
  };

  return (
    <form class="ticket" noValidate onSubmit={(event) => void submit(event)}>
      <SideChoice draft={draft} />
      <TypeChoice draft={draft} hasStopLimits={instrument.hasStopLimits} />
      <Fields {...{ draft, instrument, complaints, reference }} />
      <div class="shares" role="group" aria-label="Share of what is available">
        {SHARES.map((percent) => (
          <button type="button" class="chip" key={String(percent)} disabled={means === null} onClick={() => share(percent)}>
            {`${String(percent)}%`}
          </button>
        ))}
      </div>
      {draft.value.type === "MARKET" ? null : <Lifetime draft={draft} />}
      <Available {...{ venue, draft: draft.value, instrument, means }} />
      <SubmitButton {...{ venue, draft: draft.value, instrument, isBusy: isBusy.value, isSignedIn, complaints, reference }} />
    </form>
  );
}

function change(draft: Signal<Draft>, part: Partial<Draft>): void {
  const next = { ...draft.peek(), ...part };
  // The total of a limit order follows from price and quantity, so it follows whichever changes.
  if (next.type !== "MARKET" && (part.price !== undefined || part.quantity !== undefined)) next.total = totalFor(next);
  draft.value = next;
}

function totalFor({ price, quantity }: Draft): string {
  const [left, right] = [parseAmount(price), parseAmount(quantity)];
  return left === null || right === null || quantity === "" ? "" : trimAmount(multiply(left, right));
}

/** Estimate a market order by walking the book; without enough depth, by the last price. */
function referencePrice({ market }: Venue, draft: Draft): Reference {
  const last = market.ticker.value?.last || null; // Zero means that nothing was traded yet.
  if (draft.type !== "MARKET") return last;
  const feed = market.feed.value;
  void feed?.version.value;
  const levels = (draft.side === "BUY" ? feed?.book.asks : feed?.book.bids) ?? [];
  const quantity = draft.isByTotal ? null : parseAmount(draft.quantity);
  const cost = quantity === null || quantity === 0n ? null : costOf(levels, quantity, multiply);
  return cost === null || quantity === null ? (levels[0]?.price ?? last) : divide(cost, quantity);
}

function SideChoice({ draft }: { draft: Signal<Draft> }): JSX.Element {
  const side = (each: Side, words: string): JSX.Element => (
    <button type="button" class={`side side-${each.toLowerCase()}`} aria-pressed={draft.value.side === each} onClick={() => change(draft, { side: each })}>
      {words}
    </button>
  );
  return (
    <div class="sides" role="group" aria-label="Side">
      {side("BUY", "Buy")}
      {side("SELL", "Sell")}
    </div>
  );
}

function TypeChoice({ draft, hasStopLimits }: { draft: Signal<Draft>; hasStopLimits: boolean }): JSX.Element {
  const type = (each: Draft["type"], words: string): JSX.Element => (
    <button
      type="button"
      class="tab"
      aria-pressed={draft.value.type === each}
      onClick={() => change(draft, { type: each, isByTotal: false, stop: "", quantity: "", total: "" })}
    >
      {words}
    </button>
  );
  return (
    <div class="types" role="group" aria-label="Order type">
      {type("LIMIT", "Limit")}
      {type("MARKET", "Market")}
      {hasStopLimits ? type("STOP_LIMIT", "Stop-limit") : null}
    </div>
  );
}

interface FieldsProps {
  draft: Signal<Draft>;
  instrument: Instrument;
  complaints: Complaints;
  reference: Reference;
}

function Fields({ draft, instrument, complaints, reference }: FieldsProps): JSX.Element {
  const { type, price, quantity, total, isByTotal } = draft.value;
  const step = lotFor(type, instrument).step;
  const isMarket = type === "MARKET";
  const takeTotal = (text: string): void => {
    if (isMarket) return change(draft, { total: text, isByTotal: true, quantity: "" });
    const [money, each] = [parseAmount(text), parseAmount(price)];
    const fitting = money === null || each === null || each === 0n ? "" : trimAmount(divide(money, each) - (divide(money, each) % (step || 1n)));
    draft.value = { ...draft.peek(), total: text, quantity: fitting };
  };
  const estimate = isMarket && !isByTotal ? estimateText(quantity, reference) : total;
  return (
    <>
      {type === "STOP_LIMIT" ? <StopField {...{ draft, instrument, complaints, reference }} /> : null}
      {isMarket ? (
        <p class="market-note">
          At the best prices of the book{reference === null ? "" : `, now about ${grouped(trimAmount(reference - (reference % (instrument.tick || 1n)), instrument.priceDecimals))}`}.
        </p>
      ) : (
        <AmountField label={type === "STOP_LIMIT" ? "Limit price" : "Price"} unit={instrument.quote} value={price} step={instrument.tick} complaint={complaints.price} onInput={(text) => change(draft, { price: text })} />
      )}
      <AmountField
        label="Amount"
        unit={instrument.base}
        value={quantity}
        step={step}
        complaint={complaints.quantity}
        placeholder={isByTotal && isMarket && total !== "" ? "what the total buys" : undefined}
        onInput={(text) => change(draft, { quantity: text, isByTotal: false })}
      />
      <AmountField
        label={isMarket && !isByTotal ? "Total (estimate)" : "Total"}
        unit={instrument.quote}
        value={estimate}
        step={instrument.tick}
        complaint={complaints.total}
        onInput={takeTotal}
      />
    </>
  );
}

/** The trigger, and below it what it makes of the order: that turns round when the last price passes it. */
function StopField({ draft, instrument, complaints, reference }: FieldsProps): JSX.Element {
  const { side, stop } = draft.value;
  const trigger = parseAmount(stop);
  const type = trigger === null || complaints.stop !== undefined ? null : stopLimitType(side, trigger, reference);
  return (
    <>
      <AmountField label="Trigger" unit={instrument.quote} value={stop} step={instrument.tick} complaint={complaints.stop} onInput={(text) => change(draft, { stop: text })} />
      {trigger === null || type === null ? null : (
        <p class="trigger-note" data-testid="trigger-note">
          {conditionWords(type, side, trigger, instrument.priceDecimals)}
        </p>
      )}
    </>
  );
}

function estimateText(quantity: string, reference: Reference): string {
  const amount = parseAmount(quantity);
  return amount === null || reference === null ? "" : formatAmount(multiply(amount, reference), 2);
}

function Lifetime({ draft }: { draft: Signal<Draft> }): JSX.Element {
  const { timeInForce } = draft.value;
  const isLimit = draft.value.type === "LIMIT";
  const isPostOnly = isLimit && draft.value.isPostOnly;
  return (
    <div class="lifetime">
      <label class="bare-select">
        <span class="visually-hidden">Time in force</span>
        <select
          value={timeInForce}
          disabled={isPostOnly}
          onChange={(event) => change(draft, { timeInForce: event.currentTarget.value as TimeInForce })}
        >
          {Object.entries(LIFETIMES).map(([each, words]) => (
            <option key={each} value={each}>
              {words}
            </option>
          ))}
        </select>
      </label>
      {isLimit ? (
        <label class="check" title="Refused instead of filled if it would match at once: you always pay the maker's fee.">
          <input type="checkbox" checked={isPostOnly} onChange={(event) => change(draft, { isPostOnly: event.currentTarget.checked })} />
          Post-only
        </label>
      ) : null}
    </div>
  );
}

interface AvailableProps {
  venue: Venue;
  draft: Draft;
  instrument: Instrument;
  means: { base: bigint; quote: bigint } | null;
}

function Available({ venue, draft, instrument, means }: AvailableProps): JSX.Element {
  const [amount, asset, decimals] =
    draft.side === "BUY"
      ? [means?.quote, instrument.quote, instrument.priceDecimals]
      : [means?.base, instrument.base, instrument.quantityDecimals];
  const isPoor = means !== null && means.base === 0n && means.quote === 0n;
  return (
    <p class="available">
      <span>Available</span>
      {isPoor ? (
        <button type="button" class="link" onClick={() => void takeTestFunds(venue)}>
          Take test funds
        </button>
      ) : (
        <b data-testid="available" title={amount === undefined ? "" : trimAmount(amount)}>
          {amount === undefined ? "–" : `${grouped(formatAmount(amount, decimals))} ${asset}`}
        </b>
      )}
    </p>
  );
}

interface SubmitProps {
  venue: Venue;
  draft: Draft;
  instrument: Instrument;
  isBusy: boolean;
  isSignedIn: boolean;
  complaints: Complaints;
  reference: Reference;
}

function SubmitButton({ venue, draft, instrument, isBusy, isSignedIn, complaints, reference }: SubmitProps): JSX.Element {
  if (!isSignedIn) {
    return (
      <button type="button" class="button button-accent button-large" onClick={() => (venue.overlay.value = "sign-up")}>
        Sign up to trade
      </button>
    );
  }
  const isReady = orderParams(draft, instrument, "x", reference) !== null && Object.keys(complaints).length === 0;
  return (
    <button
      type="submit"
      class={`button button-large button-${draft.side.toLowerCase()}`}
      aria-disabled={!isReady || isBusy || !instrument.isTrading}
      disabled={!instrument.isTrading}
    >
      {instrument.isTrading ? `${draft.side === "BUY" ? "Buy" : "Sell"} ${instrument.base}` : `Trading is ${instrument.status.toLowerCase()}`}
    </button>
  );
}
