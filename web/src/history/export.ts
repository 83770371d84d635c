/**
 * One's orders and fills as a file for a spreadsheet.
 *
 * In:    what the exchange answers, page by page.
 * Out:   CSV as RFC 4180 has it; times in UTC, amounts as the exchange wrote them.
 * Never: makes a number of an amount.
 */
import type { RestClient } from "../api/rest";

export const DAYS = 90;
export const ROWS_MOST = 20_000;
const PAGE_ROWS = 1_000;
const DAY_MS = 86_400_000;

type Row = Record<string, unknown>;

export interface Kind {
  path: string;
  /** The field that numbers the rows, and the parameter that asks for rows from one on. */
  id: string;
  from: string;
  columns: readonly string[];
  times: ReadonlySet<string>;
}

export const FILLS: Kind = {
  path: "/api/v3/myTrades",
  id: "id",
  from: "fromId",
  columns: ["time", "symbol", "id", "orderId", "isBuyer", "isMaker", "price", "qty", "quoteQty", "commission", "commissionAsset"],
  times: new Set(["time"]),
};

export const ORDERS: Kind = {
  path: "/api/v3/allOrders",
  id: "orderId",
  from: "orderId",
  columns: [
    ...["time", "updateTime", "symbol", "orderId", "orderListId", "clientOrderId", "side", "type", "timeInForce", "status"],
    ...["price", "stopPrice", "origQty", "executedQty", "origQuoteOrderQty", "cummulativeQuoteQty"],
  ],
  times: new Set(["time", "updateTime"]),
};

export interface Export {
  csv: string;
  rows: number;
  /** Whether there are more rows than a file takes: the newest are then missing. */
  isCut: boolean;
}

/** Fetch the last 90 days, oldest first, and write them as CSV. */
export async function exportRows(rest: Pick<RestClient, "signed">, kind: Kind, symbol: string, now: number): Promise<Export> {
  const rows: Row[] = [];
  let from: Record<string, number> = { startTime: now - DAYS * DAY_MS };
  for (;;) {
    const page = await rest.signed<Row[]>("GET", kind.path, { symbol, limit: PAGE_ROWS, ...from });
    rows.push(...page);
    const last = page.at(-1);
    if (page.length < PAGE_ROWS || last === undefined) return { csv: csvOf(kind, rows), rows: rows.length, isCut: false };
    if (rows.length >= ROWS_MOST) return { csv: csvOf(kind, rows), rows: rows.length, isCut: true };
    from = { [kind.from]: Number(last[kind.id]) + 1 };
  }
}

/** Write rows as CSV, a header first. */
export function csvOf(kind: Kind, rows: readonly Row[]): string {
  const lines = rows.map((row) => kind.columns.map((name) => cell(kind.times.has(name) ? new Date(Number(row[name])).toISOString() : row[name])));
  return [kind.columns, ...lines].map((line) => `${line.join(",")}\r\n`).join("");
}

function cell(value: unknown): string {
  const text = value === undefined || value === null ? "" : String(value);
  // A program that opens the file must not take a client's own id for a formula.
  const plain = /^[=+@-]/.test(text) && !/^-?\d+$/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

/** Hand a file to the browser. */
export function saveFile(name: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
