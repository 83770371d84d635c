import { describe, expect, test } from "vitest";
import type { WireExecutionReport, WireOrder } from "../src/api/wire";
import { isNewer, newestFirst, type OrderList, readListStatus, readOrder, readReport } from "../src/orders/order";
import { cancelWords, fillWords, icebergWords, listLine, listWords, orderLine, priceWords, statusWords, triggerWords, typeWords, waitingWords } from "../src/orders/words";

const ASKED: WireOrder = {
  symbol: "BTCUSDT", orderId: 17, orderListId: -1, clientOrderId: "a", price: "0.00000000", origQty: "0.50000000", executedQty: "0.00000000",
  cummulativeQuoteQty: "0.00000000", origQuoteOrderQty: "0.00000000", status: "NEW", timeInForce: "GTC", type: "LIMIT", side: "SELL",
  time: 1, updateTime: 1, stopPrice: "0.00000000", icebergQty: "0.00000000", workingTime: -1,
};
const TOLD: WireExecutionReport = {
  e: "executionReport", s: "BTCUSDT", c: "a", C: "", S: "SELL", o: "LIMIT", f: "GTC", q: "0.50000000", p: "0.00000000", Q: "0.00000000",
  P: "0.00000000", F: "0.00000000", g: -1, x: "NEW", X: "NEW", r: "NONE", i: 17, l: "0.00000000", z: "0.00000000", L: "0.00000000",
  n: "0", N: null, T: 1, t: -1, m: false, O: 1, Z: "0.00000000", Y: "0.00000000",
};
const LIST: OrderList = { id: 9, symbol: "BTCUSDT", contingency: "OTO", orderIds: [16, 17] };

type Said = [type: string, price: string, trigger: string];
const TABLE: [name: string, asked: Partial<WireOrder>, told: Partial<WireExecutionReport>, said: Said][] = [
  ["limit", { price: "67000" }, { p: "67000" }, ["Limit", "67,000.00", "–"]],
  ["limit, at once", { price: "67000", timeInForce: "IOC" }, { p: "67000", f: "IOC" }, ["Limit IOC", "67,000.00", "–"]],
  ["limit maker", { type: "LIMIT_MAKER", price: "1.5" }, { o: "LIMIT_MAKER", p: "1.5" }, ["Limit Maker", "1.50", "–"]],
  ["market", { type: "MARKET" }, { o: "MARKET" }, ["Market", "Market", "–"]],
  ["stop, selling", { type: "STOP_LOSS", stopPrice: "66000" }, { o: "STOP_LOSS", P: "66000" }, ["Stop Loss", "Market", "Last ≤ 66,000.00"]],
  ["stop, buying", { type: "STOP_LOSS", side: "BUY", stopPrice: "68000" }, { o: "STOP_LOSS", S: "BUY", P: "68000" },
    ["Stop Loss", "Market", "Last ≥ 68,000.00"]],
  ["stop limit", { type: "STOP_LOSS_LIMIT", stopPrice: "66000", price: "65900" }, { o: "STOP_LOSS_LIMIT", P: "66000", p: "65900" },
    ["Stop Loss Limit", "65,900.00", "Last ≤ 66,000.00"]],
  ["take profit, selling", { type: "TAKE_PROFIT", stopPrice: "70000" }, { o: "TAKE_PROFIT", P: "70000" },
    ["Take Profit", "Market", "Last ≥ 70,000.00"]],
  ["take profit limit, buying", { type: "TAKE_PROFIT_LIMIT", side: "BUY", stopPrice: "60000", price: "60000" },
    { o: "TAKE_PROFIT_LIMIT", S: "BUY", P: "60000", p: "60000" }, ["Take Profit Limit", "60,000.00", "Last ≤ 60,000.00"]],
  ["trailing", { type: "STOP_LOSS", trailingDelta: 100 }, { o: "STOP_LOSS", d: 100 }, ["Trailing Stop Loss", "Market", "Trailing 1.00 %"]],
  ["trailing from a price", { type: "TAKE_PROFIT_LIMIT", trailingDelta: 5, stopPrice: "70000", price: "69000" },
    { o: "TAKE_PROFIT_LIMIT", d: 5, P: "70000", p: "69000" }, ["Trailing Take Profit Limit", "69,000.00", "Trailing 0.05 %, from Last ≥ 70,000.00"]],
  ["pegged", { pegPriceType: "PRIMARY_PEG", peggedPrice: "67001" }, { gP: "PRIMARY_PEG", gp: "67001" }, ["Limit, pegged", "67,001.00", "–"]],
  ["pegged, waiting", { pegPriceType: "PRIMARY_PEG" }, { gP: "PRIMARY_PEG" }, ["Limit, pegged", "–", "–"]],
];

describe("type, price and trigger are said, alike from an answer and from an event", () => {
  test.each(TABLE)("%s", (_name, asked, told, said) => {
    for (const order of [readOrder({ ...ASKED, ...asked }), readReport({ ...TOLD, ...told })]) {
      expect([typeWords(order), priceWords(order, 2), triggerWords(order, 2)]).toEqual(said);
    }
  });

  test("a placement's answer without the fields that only some orders have", () => {
    const { stopPrice: _stop, icebergQty: _iceberg, ...bare } = ASKED;
    expect(triggerWords(readOrder(bare))).toBe("–");
  });
});

describe("what an order waits for", () => {
  const stop = { ...ASKED, type: "STOP_LOSS_LIMIT", stopPrice: "66000", price: "65900" };
  test("nothing more once it triggered", () => {
    expect(waitingWords(readOrder(stop), undefined)).toBe("");
    expect(waitingWords(readOrder({ ...stop, workingTime: 5 }), undefined)).toBe("Triggered");
    expect(waitingWords(readReport({ ...TOLD, o: "STOP_LOSS_LIMIT", P: "66000", W: 5 }), undefined)).toBe("Triggered");
    expect(waitingWords(readOrder({ ...ASKED, workingTime: 5 }), undefined)).toBe("");
  });

  test("its working order, by the list as told", () => {
    const leg = readReport({ ...TOLD, X: "PENDING_NEW", g: 9 });
    const list = readListStatus({ e: "listStatus", s: "BTCUSDT", g: 9, c: "OTO", O: [{ i: 16 }, { i: 17 }] });
    expect(list).toEqual(LIST);
    expect(statusWords(leg)).toBe("Waiting");
    expect(leg.listId).toBe(LIST.id);
    expect(waitingWords(leg, list)).toBe("Waits for order 16");
    expect(waitingWords(leg, undefined)).toBe("Waits for its working order");
  });

  test("a late answer does not make a leg at work wait again", () => {
    const waiting = readOrder({ ...ASKED, status: "PENDING_NEW" });
    const working = readOrder({ ...ASKED, workingTime: 1 });
    expect(isNewer(working, waiting)).toBe(true);
    expect(isNewer(waiting, working)).toBe(false);
    expect(isNewer(readOrder({ ...ASKED, status: "CANCELED" }), working)).toBe(true);
    expect(isNewer(working, readOrder({ ...ASKED, status: "CANCELED" }))).toBe(false);
  });

  test("an older image of an open order is not newer", () => {
    expect(isNewer(readOrder({ ...ASKED, updateTime: 1 }), readOrder({ ...ASKED, updateTime: 2, workingTime: 2 }))).toBe(false);
  });
});

test("lists are named by what holds their orders together", () => {
  expect(listWords(undefined)).toBe("List");
  expect(listWords({ ...LIST, contingency: "OCO" })).toBe("OCO");
  expect(listWords(LIST)).toBe("OTO");
  expect(listWords({ ...LIST, orderIds: [16, 17, 18] })).toBe("OTOCO");
});

test("an iceberg says what it shows", () => {
  expect(icebergWords(readOrder({ ...ASKED, icebergQty: "0.1" }), 2)).toBe("Shows 0.10");
  expect(icebergWords(readReport({ ...TOLD, F: "0.1" }), 2)).toBe("Shows 0.10");
  expect(icebergWords(readOrder(ASKED))).toBe("");
});

test("a notice says at which price, and from which trigger on", () => {
  expect(orderLine(readOrder({ ...ASKED, price: "67000" }), "BTC", "USDT")).toBe("Sell 0.5 BTC at 67,000");
  expect(orderLine(readOrder({ ...ASKED, type: "STOP_LOSS", stopPrice: "66000" }), "BTC", "USDT")).toBe(
    "Sell 0.5 BTC at market, Stop Loss: Last ≤ 66,000",
  );
});

test("a notice of a list says both of its orders, and a button that both end", () => {
  const [loss, profit] = [readOrder({ ...ASKED, type: "STOP_LOSS_LIMIT", stopPrice: "95000", price: "94900" }), readOrder({ ...ASKED, type: "LIMIT_MAKER", price: "110000" })];
  expect(listLine([loss, profit], "BTC", "USDT")).toBe("Sell 0.5 BTC at 110,000; or at 94,900, Stop Loss Limit: Last ≤ 95,000");
  expect([1, 2, 3].map(cancelWords)).toEqual(["Cancel", "Cancel both", "Cancel all 3"]);
});

test("orders stand by the time that is shown: open ones as placed, past ones as they ended", () => {
  const [late, early] = [readOrder({ ...ASKED, orderId: 1, time: 1, updateTime: 9 }), readOrder({ ...ASKED, orderId: 2, time: 2, updateTime: 3 })];
  expect(newestFirst([late, early], "time").map(({ id }) => id)).toEqual([2, 1]);
  expect(newestFirst([early, late], "updateTime").map(({ id }) => id)).toEqual([1, 2]);
});

test("a notice of a fill says what became of the rest, and by which total an order was placed", () => {
  const ended = readOrder({ ...ASKED, type: "MARKET", side: "BUY", executedQty: "0.50000000", origQuoteOrderQty: "100000.00000000", status: "EXPIRED" });
  expect(fillWords(ended)).toBe("Partly filled, the rest expired");
  expect(orderLine(ended, "BTC", "USDT")).toBe("Buy for 100,000 USDT at market");
  expect(fillWords({ ...ended, status: "PARTIALLY_FILLED" })).toBe("Partly filled");
  expect(fillWords({ ...ended, status: "FILLED" })).toBe("Filled");
});
