/** Buy or sell, by colour, word and arrow. */
import type { JSX } from "preact";

export function SideWords({ isBuy }: { isBuy: boolean }): JSX.Element {
  return <span class={isBuy ? "up" : "down"}>{isBuy ? "↑ Buy" : "↓ Sell"}</span>;
}
