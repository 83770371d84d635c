import { describe, expect, test } from "vitest";
import type { Params } from "../src/api/signing";
import { csvOf, DAYS, exportRows, FILLS, ORDERS, ROWS_MOST } from "../src/history/export";

const FILL = {
  symbol: "ETHUSDT", id: 1, orderId: 5, price: "3000.10000000", qty: "0.00010000", quoteQty: "0.30001000", commission: "0.00000010",
  commissionAsset: "ETH", time: 1_795_000_000_000, isBuyer: true, isMaker: false,
};
const NOW = 1_795_000_000_000;

/** Answers like the exchange: so many fills, oldest first. */
function exchange(count: number): { asked: Params[]; signed: <T>(method: string, path: string, params?: Params) => Promise<T> } {
  const asked: Params[] = [];
  return {
    asked,
    signed: async <T>(_method: string, _path: string, params: Params = {}) => {
      asked.push(params);
      const from = Number(params["fromId"] ?? 1);
      const length = Math.max(0, Math.min(1_000, count + 1 - from));
      return Array.from({ length }, (_, index) => ({ ...FILL, id: from + index })) as T;
    },
  };
}

describe("the file of one's fills", () => {
  test("has amounts as they came and times in UTC", () => {
    expect(csvOf(FILLS, [FILL])).toBe(
      "time,symbol,id,orderId,isBuyer,isMaker,price,qty,quoteQty,commission,commissionAsset\r\n" +
        `${new Date(FILL.time).toISOString()},ETHUSDT,1,5,true,false,3000.10000000,0.00010000,0.30001000,0.00000010,ETH\r\n`,
    );
  });

  test("goes on from page to page, each fill once", async () => {
    const venue = exchange(2_500);
    const { rows, isCut, csv } = await exportRows(venue, FILLS, "ETHUSDT", NOW);
    expect([rows, isCut, csv.trimEnd().split("\r\n").length]).toEqual([2_500, false, 2_501]);
    expect(venue.asked.map(({ startTime, fromId }) => startTime ?? fromId)).toEqual([NOW - DAYS * 86_400_000, 1_001, 2_001]);
  });

  test("says when there is more than it takes", async () => {
    const { rows, isCut } = await exportRows(exchange(ROWS_MOST + 500), FILLS, "ETHUSDT", NOW);
    expect([rows, isCut]).toEqual([ROWS_MOST, true]);
  });
});

test("a client's own id is text, whatever it begins with", () => {
  const order = { time: NOW, updateTime: NOW, orderListId: -1 };
  expect(csvOf(ORDERS, [{ ...order, clientOrderId: "-1-cmd" }])).toContain(",'-1-cmd,");
  expect(csvOf(ORDERS, [{ ...order, clientOrderId: 'a"b,c' }])).toContain(',"a""b,c",');
  expect(csvOf(ORDERS, [{ ...order, clientOrderId: "x" }])).toContain(",-1,x,");
});
