/** Chooses the instrument: a button that opens a searchable list with last price, 24 h change and turnover. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { compact, formatAmount, grouped } from "../amounts";
import { Icon } from "../ui/icons";
import { useVenue } from "../venue";
import { Change } from "./change";
import type { Instrument } from "./instruments";

export function Picker(): JSX.Element {
  const { market } = useVenue();
  const isOpen = useSignal(false);
  const place = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const instrument = market.instrument.value;

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
  return (
    <div class="picker" ref={place}>
      <button
        type="button"
        class="picker-button"
        ref={button}
        aria-haspopup="listbox"
        aria-expanded={isOpen.value}
        onClick={() => (isOpen.value = !isOpen.value)}
      >
        <span>{instrument === null ? "…" : instrument.base}</span>
        <small>{instrument === null ? "" : `/ ${instrument.quote}`}</small>
        <Icon name="chevron" />
      </button>
      {isOpen.value ? <PickerList onClose={close} /> : null}
    </div>
  );
}

function PickerList({ onClose }: { onClose: () => void }): JSX.Element {
  const { market } = useVenue();
  const wanted = useSignal("");
  const active = useSignal(0);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);

  const needle = wanted.value.replace(/[\s/]/g, "").toUpperCase();
  const found = market.instruments.value.filter((each) => each.symbol.toUpperCase().includes(needle));
  const choose = (symbol: string): void => {
    market.choose(symbol);
    onClose();
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === "Escape") onClose();
    else if (event.key === "ArrowDown") active.value = Math.min(active.value + 1, found.length - 1);
    else if (event.key === "ArrowUp") active.value = Math.max(active.value - 1, 0);
    else if (event.key === "Enter" && found[active.value] !== undefined) choose(found[active.value]?.symbol ?? "");
    else return;
    event.preventDefault();
  };
  return (
    <div class="picker-list">
      <label class="search">
        <Icon name="search" />
        <input
          ref={input}
          type="text"
          placeholder="Search, for example BTC"
          aria-label="Search instruments"
          role="combobox"
          aria-expanded="true"
          aria-controls="picker-options"
          aria-activedescendant={`picker-${active.value}`}
          autocomplete="off"
          spellcheck={false}
          value={wanted.value}
          onInput={(event) => {
            wanted.value = event.currentTarget.value;
            active.value = 0;
          }}
          onKeyDown={onKey}
        />
      </label>
      <div class="picker-columns" aria-hidden="true">
        <span>Pair</span>
        <span>Last price</span>
        <span>24 h</span>
        <span>Turnover</span>
      </div>
      <div id="picker-options" role="listbox" aria-label="Instruments">
        {found.length === 0 ? <p class="empty">Nothing matches. Try a shorter name.</p> : null}
        {found.map((each, index) => (
          <Option key={each.symbol} {...{ instrument: each, index, isActive: index === active.value, onChoose: choose }} />
        ))}
      </div>
    </div>
  );
}

interface OptionProps {
  instrument: Instrument;
  index: number;
  isActive: boolean;
  onChoose: (symbol: string) => void;
}

function Option({ instrument, index, isActive, onChoose }: OptionProps): JSX.Element {
  const { market } = useVenue();
  const ticker = market.tickers.value.get(instrument.symbol);
  return (
    <div
      id={`picker-${index}`}
      role="option"
      aria-selected={instrument.symbol === market.symbol.value}
      class={`picker-option${isActive ? " is-active" : ""}`}
      onClick={() => onChoose(instrument.symbol)}
    >
      <span>
        <b>{instrument.base}</b>
        <small>/{instrument.quote}</small>
        {instrument.isTrading ? null : <em class="tag">{instrument.status.toLowerCase()}</em>}
      </span>
      <span>{ticker?.last ? grouped(formatAmount(ticker.last, instrument.priceDecimals)) : "–"}</span>
      <Change ticker={ticker ?? null} />
      <span class="soft">{ticker === undefined ? "–" : compact(ticker.quoteVolume)}</span>
    </div>
  );
}
