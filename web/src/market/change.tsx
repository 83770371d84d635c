/** The 24 h change: colour, sign and arrow, so that none of them is needed alone. */
import type { JSX } from "preact";
import { percentChange } from "../amounts";
import type { Ticker } from "./market";

export function Change({ ticker }: { ticker: Ticker | null }): JSX.Element {
  if (ticker === null || ticker.open === 0n) return <span class="soft">–</span>;
  const isUp = ticker.last >= ticker.open;
  return (
    <span class={isUp ? "up" : "down"}>
      {`${isUp ? "▲ +" : "▼ −"}${percentChange(ticker.open, ticker.last)}%`}
    </span>
  );
}
