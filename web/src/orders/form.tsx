/** The order form: what is typed here is text until the rules turn it into parameters. */
import { type Signal, useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { divide, formatAmount, grouped, multiply, parseAmount, trimAmount } from "../amounts";
import type { Side, TimeInForce } from "../api/wire";
import { costOf } from "../market/book";
import type { Instrument } from "../market/instruments";
import { useVenue, type Venue } from "../venue";
import { Icon } from "../ui/icons";
import { takeTestFunds } from "../wallet/test_funds";
import { AmountField } from "./amount_field";
import {
  conditionalKinds, DELTA_STEP, type Draft, EMPTY, isTimed, type Kind, KIND_NAMES, PRICE_FIELDS, type PriceField, takesMarket, unitPrice,
  withKind, withoutAmounts, withPicked,
} from "./draft";
import { complaintsAbout, type Complaints, fittingKind, isTight, lotFor, type Means, placementOf, type Reference, shareOf } from "./rules";
import { summaryOf } from "./summary";

const SUMMARY_ID = "order-summary";
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
    const listed = market.instrument.peek();
    const isOffered = type === "LIMIT" || type === "MARKET" || (listed !== null && conditionalKinds(listed).includes(type));
    draft.value = { ...withKind(draft.peek(), isOffered ? type : "LIMIT"), price: "" };
  });
  useSignalEffect(() => {
    const picked = market.picked.value;
    const decimals = market.instrument.peek()?.priceDecimals ?? 8;
    if (picked !== null) change(draft, withPicked(draft.peek(), picked.price, decimals, market.ticker.peek()?.last || null));
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
    const placement = placementOf(draft.value, instrument, desk.newClientOrderId(), reference);
    if (placement === null || isBusy.value || Object.keys(complaints).length > 0) return;
    isBusy.value = true;
    const isPlaced = await desk.place(placement);
    isBusy.value = false;
    if (isPlaced) draft.value = withoutAmounts(draft.peek());
  };
  const share = (percent: bigint): void => {
    if (means === null) return;
    // A share needs a price to turn money into a quantity: the last one, if none is typed.
    if (draft.value.type === "LIMIT" && draft.value.price === "" && reference !== null) {
      change(draft, { price: formatAmount(reference, instrument.priceDecimals) });
    }
    change(draft, shareOf(draft.value, percent, instrument, means, reference));
  };

  return (
    <form class="ticket" noValidate onSubmit={(event) => void submit(event)}>
      <SideChoice draft={draft} />
      <TypeChoice draft={draft} instrument={instrument} />
      <Fields {...{ draft, instrument, complaints, reference }} />
      <div class="shares" role="group" aria-label="Share of what is available">
        {SHARES.map((percent) => (
          <button type="button" class="chip" key={String(percent)} disabled={means === null} onClick={() => share(percent)}>
            {`${String(percent)}%`}
          </button>
        ))}
      </div>
      {isTimed(draft.value) ? <Lifetime draft={draft} /> : null}
      <Summary {...{ draft: draft.value, instrument, means, reference }} />
      <Available {...{ venue, draft: draft.value, instrument, means }} />
      <SubmitButton {...{ venue, draft: draft.value, instrument, isBusy: isBusy.value, isSignedIn, complaints, reference }} />
    </form>
  );
}

function change(draft: Signal<Draft>, part: Partial<Draft>): void {
  draft.value = { ...draft.peek(), ...part };
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

/** What most orders are stands side by side; what waits for a price is one list more. */
function TypeChoice({ draft, instrument }: { draft: Signal<Draft>; instrument: Instrument }): JSX.Element {
  const chosen = draft.value.type;
  const kinds = conditionalKinds(instrument);
  const choose = (kind: Kind): void => {
    draft.value = withKind(draft.peek(), kind);
  };
  const isConditional = kinds.includes(chosen);
  return (
    <div class="types" role="group" aria-label="Order type">
      {(["LIMIT", "MARKET"] as const).map((each) => (
        <button type="button" class="tab" key={each} aria-pressed={chosen === each} onClick={() => choose(each)}>
          {KIND_NAMES[each]}
        </button>
      ))}
      {kinds.length === 0 ? null : (
        <label class={`tab type-select${isConditional ? " is-chosen" : ""}`}>
          <span class="visually-hidden">Order with a condition</span>
          <select value={isConditional ? chosen : ""} onChange={(event) => choose(event.currentTarget.value as Kind)}>
            <option value="" disabled hidden>
              Conditional
            </option>
            {kinds.map((each) => (
              <option key={each} value={each}>
                {KIND_NAMES[each]}
              </option>
            ))}
          </select>
          <Icon name="chevron" />
        </label>
      )}
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
  const { type, quantity, total, isByTotal } = draft.value;
  const { step } = lotFor(draft.value, instrument);
  const isMarket = type === "MARKET";
  const takeTotal = (text: string): void => {
    if (isMarket) return change(draft, { total: text, isByTotal: true, quantity: "" });
    const [money, each] = [parseAmount(text), unitPrice(draft.peek(), reference)];
    const fitting = money === null || each === null || each === 0n ? "" : trimAmount(divide(money, each) - (divide(money, each) % (step || 1n)));
    change(draft, { total: text, isByTotal: true, quantity: fitting });
  };
  return (
    <>
      {PRICE_FIELDS[type].map((field) => (
        <PriceInput key={field.name} {...{ field, draft, instrument, complaints, reference }} />
      ))}
      {isMarket ? (
        <p class="market-note">
          At the best prices of the book{reference === null ? "" : `, now about ${grouped(trimAmount(reference - (reference % (instrument.tick || 1n)), instrument.priceDecimals))}`}.
        </p>
      ) : null}
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
        label={totalLabel(draft.value)}
        unit={instrument.quote}
        value={isByTotal ? total : totalText(draft.value, reference)}
        step={instrument.tick}
        complaint={complaints.total}
        onInput={takeTotal}
      />
    </>
  );
}

/** A price, or a delta; below a trigger on the wrong side of the last price the type that has it there. */
function PriceInput({ field, draft, instrument, complaints, reference }: FieldsProps & { field: PriceField }): JSX.Element {
  const { name, label, otherwise } = field;
  const fitting = name === "stop" ? fittingKind(draft.value, reference) : null;
  const put = (text: string): void => change(draft, { [name]: text, isByTotal: false });
  return (
    <>
      <AmountField
        label={label}
        unit={name === "delta" ? "%" : instrument.quote}
        value={draft.value[name]}
        step={name === "delta" ? 10n * DELTA_STEP : instrument.tick}
        complaint={complaints[name]}
        placeholder={otherwise}
        onInput={put}
      />
      {fitting === null || complaints.stop === undefined ? null : (
        <button type="button" class="link type-fitting" onClick={() => change(draft, { type: fitting })}>
          {`Make it a ${KIND_NAMES[fitting].toLowerCase()} order`}
        </button>
      )}
    </>
  );
}

/** What is about to be sent, in words: heard with the button that sends it. */
function Summary({ draft, instrument, means, reference }: { draft: Draft; instrument: Instrument; means: Means | null; reference: Reference }): JSX.Element | null {
  const words = summaryOf(draft, instrument, reference);
  if (words === "") return null;
  return (
    <p id={SUMMARY_ID} class="order-summary" data-testid="order-summary">
      {words}
      {isTight(draft, means, reference) ? ` Leave some ${instrument.quote} free: if the market is dearer then, the order is rejected.` : ""}
    </p>
  );
}

function totalLabel(draft: Draft): string {
  if (draft.type === "OCO") return "Total (at most)";
  return takesMarket(draft) && !(draft.type === "MARKET" && draft.isByTotal) ? "Total (estimate)" : "Total";
}

/** What amount and price come to; what is only estimated has two decimals. */
function totalText(draft: Draft, reference: Reference): string {
  const [unit, quantity] = [unitPrice(draft, reference), parseAmount(draft.quantity)];
  if (unit === null || quantity === null) return "";
  const total = multiply(unit, quantity);
  return takesMarket(draft) ? formatAmount(total, 2) : trimAmount(total);
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
  means: Means | null;
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
  const isReady = placementOf(draft, instrument, "x", reference) !== null && Object.keys(complaints).length === 0;
  return (
    <button
      type="submit"
      class={`button button-large button-${draft.side.toLowerCase()}`}
      aria-describedby={draft.type === "LIMIT" || draft.type === "MARKET" ? undefined : SUMMARY_ID}
      aria-disabled={!isReady || isBusy || !instrument.isTrading}
      disabled={!instrument.isTrading}
    >
      {instrument.isTrading ? `${draft.side === "BUY" ? "Buy" : "Sell"} ${instrument.base}` : `Trading is ${instrument.status.toLowerCase()}`}
    </button>
  );
}
