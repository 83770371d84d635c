/** The account's own trades on this instrument. */
import type { JSX } from "preact";
import { formatAmount, grouped, trimAmount } from "../amounts";
import { SideWords } from "../ui/side";
import { dayTime } from "../ui/times";
import { useVenue } from "../venue";
import { FILLS } from "./export";
import { ExportBar } from "./export_bar";

export function PastFills(): JSX.Element {
  const { market, portfolio } = useVenue();
  const instrument = market.instrument.value;
  const fills = portfolio.pastFills.value;
  if (instrument === null || fills.length === 0) {
    return (
      <div class="empty empty-large">
        <strong>No trades on {instrument === null ? "this pair" : `${instrument.base}/${instrument.quote}`} yet.</strong>
        <p>A market order fills at once, if the book has enough on the other side.</p>
      </div>
    );
  }
  return (
    <>
      <ExportBar kind={FILLS} name="trades" />
      <table class="table table-cards" data-testid="past-fills">
        <thead>
          <tr>
            <th>Time</th>
            <th>Side</th>
            <th class="number">Price</th>
            <th class="number">Amount ({instrument.base})</th>
            <th class="number">Total ({instrument.quote})</th>
            <th class="number">Fee</th>
            <th class="cell-end">Role</th>
          </tr>
        </thead>
        <tbody>
          {fills.map((fill) => (
            <tr key={fill.id}>
              <td class="soft" data-label="Time">{dayTime(fill.time)}</td>
              <td class="cell-side"><SideWords isBuy={fill.isBuy} /></td>
              <td class="number" data-label={`Price (${instrument.quote})`}>{grouped(trimAmount(fill.price, instrument.priceDecimals))}</td>
              <td class="number" data-label={`Amount (${instrument.base})`}>{trimAmount(fill.quantity, instrument.quantityDecimals)}</td>
              <td class="number" data-label={`Total (${instrument.quote})`}>{grouped(formatAmount(fill.quoteQuantity, instrument.priceDecimals))}</td>
              <td class="number" data-label="Fee">{`${trimAmount(fill.commission)} ${fill.commissionAsset}`}</td>
              <td class="cell-end soft">{fill.isMaker ? "Maker" : "Taker"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
