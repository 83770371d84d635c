import { describe, expect, test } from "vitest";
import { wireAmount } from "../src/amounts";
import { ApiError } from "../src/api/rest";
import type { Params } from "../src/api/signing";
import { readInstrument } from "../src/market/instruments";
import { refusalOf } from "../src/orders/refusals";
import { messageBesideCode } from "../src/ui/code_field";

const ETHUSDT = readInstrument({
  symbol: "ETHUSDT", status: "TRADING", baseAsset: "ETH", quoteAsset: "USDT", orderTypes: [],
  filters: [
    { filterType: "PRICE_FILTER", minPrice: "0.01000000", maxPrice: "1000000.00000000", tickSize: "0.01000000" },
    { filterType: "LOT_SIZE", minQty: "0.00010000", maxQty: "9000.00000000", stepSize: "0.00010000" },
    { filterType: "MARKET_LOT_SIZE", minQty: "0.00000000", maxQty: "3000.00000000", stepSize: "0.00000000" },
    { filterType: "NOTIONAL", minNotional: "5.00000000", applyMinToMarket: true, maxNotional: "9000000.00000000", applyMaxToMarket: false },
    {
      filterType: "PERCENT_PRICE_BY_SIDE", bidMultiplierUp: "5.00000000", bidMultiplierDown: "0.20000000", askMultiplierUp: "5.00000000",
      askMultiplierDown: "0.20000000", avgPriceMins: 5,
    },
    { filterType: "MAX_NUM_ORDERS", maxNumOrders: 200 },
    { filterType: "MAX_NUM_ALGO_ORDERS", maxNumAlgoOrders: 5 },
    { filterType: "MAX_NUM_ORDER_LISTS", maxNumOrderLists: 20 },
    { filterType: "TRAILING_DELTA", minTrailingAboveDelta: 10, maxTrailingAboveDelta: 2000, minTrailingBelowDelta: 20, maxTrailingBelowDelta: 1000 },
  ],
});

describe("a refusal says what to do next", () => {
  test.each<[filter: string, code: number, advice: string]>([
    ["PRICE_FILTER", -1013, "Choose a price from 0.01 to 1,000,000 USDT, in steps of 0.01."],
    ["PERCENT_PRICE_BY_SIDE", -1013, "The price is too far from the average of recent trades: choose one between 600.00 and 15,000.00 USDT."],
    ["PERCENT_PRICE", -1013, "The price is too far from the average of recent trades: choose one between 600.00 and 15,000.00 USDT."],
    ["LOT_SIZE", -1013, "Choose an amount from 0.0001 to 9,000 ETH, in steps of 0.0001."],
    ["MARKET_LOT_SIZE", -1013, "A market order takes from 0.0001 to 3,000 ETH, in steps of 0.0001: choose such an amount, or send several orders."],
    ["NOTIONAL", -1013, "Change amount or price until the total is at least 5 and at most 9,000,000 USDT."],
    ["MIN_NOTIONAL", -1013, "Change amount or price until the total is at least 5 and at most 9,000,000 USDT."],
    ["MAX_NUM_ORDERS", -2010, "You have as many open orders on ETH/USDT as are allowed (200): cancel one first."],
    ["MAX_NUM_ALGO_ORDERS", -2010, "You have as many stop and take-profit orders on ETH/USDT as are allowed (5): cancel one first."],
  ])("%s", (filter, code, advice) => {
    const refusal = refusalOf(new ApiError(400, code, `Filter failure: ${filter}`), ETHUSDT, { side: "BUY" }, wireAmount("3000"));
    expect(refusal).toEqual({ advice, code: `${filter} · ${code}` });
  });

  test("of a list, and of a trailing stop, by the side", () => {
    const advice = (message: string, params: Params): string => refusalOf(new ApiError(400, -2010, message), ETHUSDT, params, null).advice;
    expect(advice("The relationship of the prices for the orders is not correct.", { side: "SELL" })).toMatch(/^The take profit must be above the last price, and the stop loss below it/);
    expect(advice("The relationship of the prices for the orders is not correct.", { side: "BUY" })).toMatch(/^The take profit must be below/);
    expect(advice("Order would immediately match and take.", { side: "SELL" })).toMatch(/^The take profit may not fill at once/);
    expect(advice("Order would immediately match and take.", { side: "SELL", type: "LIMIT_MAKER" })).toMatch(/^A post-only order/);
    expect(advice("Filter failure: TRAILING_DELTA", { side: "SELL", type: "STOP_LOSS" })).toBe("Choose a trailing delta from 0.2% to 10%.");
    expect(advice("Filter failure: TRAILING_DELTA", { side: "SELL", type: "TAKE_PROFIT" })).toBe("Choose a trailing delta from 0.1% to 20%.");
    expect(advice("Filter failure: MAX_NUM_ORDER_LISTS", {})).toBe("You have as many open lists on ETH/USDT as are allowed (20): cancel one first.");
  });

  test("of too little money, by what the side pays with", () => {
    const error = new ApiError(400, -2010, "Account has insufficient balance for requested action.");
    const ending = "is available: lower the amount, or cancel an open order that holds some.";
    expect(refusalOf(error, ETHUSDT, { side: "BUY" }, null)).toEqual({ advice: `Not enough USDT ${ending}`, code: "-2010" });
    expect(refusalOf(error, ETHUSDT, { side: "SELL" }, null)).toEqual({ advice: `Not enough ETH ${ending}`, code: "-2010" });
  });

  test("of a price whose bounds are unknown", () => {
    expect(refusalOf(new ApiError(400, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"), ETHUSDT, { side: "BUY" }, null).advice).toBe(
      "The price is too far from the average of recent trades: choose one nearer to the last price.",
    );
  });

  test("or what the exchange said, where the page knows no better", () => {
    expect(refusalOf(new ApiError(400, -1013, "Market is closed."), ETHUSDT, {}, null)).toEqual({ advice: "Market is closed.", code: "-1013" });
    expect(refusalOf(new ApiError(400, -2010, "Filter failure: NEW_ONE"), ETHUSDT, {}, null)).toEqual({ advice: "Filter failure: NEW_ONE", code: "-2010" });
    expect(refusalOf(new Error("gone"), undefined, {}, null)).toEqual({ advice: "gone", code: "" });
  });
});

test("a code that is missing is asked for in words for people", () => {
  const error = new ApiError(401, -5004, "A code of your second factor is needed: send it as code.");
  expect(messageBesideCode(error)).toBe("Enter a code of your authenticator app.");
  expect(messageBesideCode(new ApiError(401, -5005, "The code is wrong, or was used already."))).toBe("The code is wrong, or was used already.");
});
