/** The bar over a table of the past: what the table shows, and the file that has more. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { grouped } from "../amounts";
import { messageOf } from "../api/rest";
import { Icon } from "../ui/icons";
import { useVenue } from "../venue";
import { DAYS, exportRows, type Kind, ROWS_MOST, saveFile } from "./export";

export function ExportBar({ kind, name }: { kind: Kind; name: string }): JSX.Element {
  const { rest, market, toasts } = useVenue();
  const isBusy = useSignal(false);
  const save = async (): Promise<void> => {
    if (isBusy.value) return;
    const symbol = market.symbol.peek();
    isBusy.value = true;
    try {
      const { csv, rows, isCut } = await exportRows(rest, kind, symbol, Date.now());
      saveFile(`${symbol}-${name}-${new Date().toISOString().slice(0, 10)}.csv`, csv);
      if (isCut) toasts.show("plain", "The file is not complete", `It has the oldest ${grouped(String(rows))} rows of ${DAYS} days: the API has the others.`);
    } catch (error) {
      toasts.show("bad", "No file", messageOf(error));
    } finally {
      isBusy.value = false;
    }
  };
  return (
    <div class="panel-bar">
      <p class="soft">{`The newest of this pair. The file goes back ${DAYS} days, up to ${grouped(String(ROWS_MOST))} rows.`}</p>
      <button type="button" class="button button-small button-quiet" aria-disabled={isBusy.value} onClick={() => void save()}>
        <Icon name="drop" />
        {isBusy.value ? "Fetching…" : "Download CSV"}
      </button>
    </div>
  );
}
