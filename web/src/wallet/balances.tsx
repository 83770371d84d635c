/** Balances: available, held by open orders and withdrawals, and an estimate of their worth. */
import type { JSX } from "preact";
import { type Amount, formatAmount, grouped, multiply, ONE, trimAmount } from "../amounts";
import { Icon } from "../ui/icons";
import { useVenue } from "../venue";
import { takeTestFunds } from "./test_funds";
import { WalletButtons } from "./wallet_buttons";

const WORTH_ASSET = "USDT";

export function Balances(): JSX.Element {
  const venue = useVenue();
  const { market, portfolio } = venue;
  const rows = [...portfolio.balances.value]
    .filter(([, { available, held }]) => available + held > 0n)
    .map(([asset, balance]) => ({ asset, ...balance, worth: worthOf(asset, balance.available + balance.held) }));
  rows.sort((left, right) => ((left.worth ?? 0n) > (right.worth ?? 0n) ? -1 : 1));

  /** Value an asset at its last price, if it trades against the worth asset. */
  function worthOf(asset: string, amount: Amount): Amount | null {
    const price = asset === WORTH_ASSET ? ONE : market.tickers.value.get(`${asset}${WORTH_ASSET}`)?.last;
    return price === undefined ? null : multiply(amount, price);
  }
  const takeFunds = (
    <button type="button" class="button button-small button-quiet" onClick={() => void takeTestFunds(venue)}>
      <Icon name="drop" />
      Take test funds
    </button>
  );
  if (rows.length === 0) {
    return (
      <div class="empty empty-large">
        <strong>Nothing here yet.</strong>
        <p>On a demo venue you can take test money and trade with it at once.</p>
        <div class="bar-buttons">
          {takeFunds}
          <WalletButtons />
        </div>
      </div>
    );
  }
  const sum = rows.reduce((total, { worth }) => total + (worth ?? 0n), 0n);
  return (
    <>
      <div class="panel-bar">
        <p>
          <span class="soft">Worth about</span> <strong>{grouped(formatAmount(sum, 2))} {WORTH_ASSET}</strong>
        </p>
        <div class="bar-buttons">
          <WalletButtons />
          {takeFunds}
        </div>
      </div>
      <table class="table table-cards" data-testid="balances">
        <thead>
          <tr>
            <th>Asset</th>
            <th class="number">Available</th>
            <th class="number" title="By open orders, and by withdrawals that are under way">Held</th>
            <th class="number">Worth ({WORTH_ASSET})</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ asset, available, held, worth }) => (
            <tr key={asset} data-asset={asset}>
              <td class="cell-pair"><b>{asset}</b></td>
              <td class="number" data-label="Available">{grouped(trimAmount(available, 2))}</td>
              <td class={held === 0n ? "number soft" : "number"} data-label="Held">{grouped(trimAmount(held, 2))}</td>
              <td class="number" data-label={`Worth (${WORTH_ASSET})`}>{worth === null ? "–" : grouped(formatAmount(worth, 2))}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
