/** The choice of a coin, the same for deposits and withdrawals. */
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { useVenue } from "../venue";

export function CoinField(): JSX.Element {
  const { portfolio, picked } = useVenue();
  const coins = [...portfolio.balances.value.keys()].sort();
  useEffect(() => {
    if (!coins.includes(picked.peek())) picked.value = coins.find((coin) => portfolio.available(coin) > 0n) ?? coins[0] ?? "";
  }, []);
  return (
    <label class="field">
      <span>Coin</span>
      <select value={picked.value} onChange={(event) => (picked.value = event.currentTarget.value)}>
        {coins.map((coin) => (
          <option key={coin} value={coin}>
            {coin}
          </option>
        ))}
      </select>
    </label>
  );
}
