import { describe, expect, test } from "vitest";
import { wireAmount } from "../src/amounts";
import { readInstrument } from "../src/market/instruments";
import { type Draft, EMPTY } from "../src/orders/draft";
import { complaintsAbout, lotFor, placementOf, shareOf } from "../src/orders/rules";

const BTCUSDT = readInstrument({
  symbol: "BTCUSDT",
  status: "TRADING",
  baseAsset: "BTC",
  quoteAsset: "USDT", orderTypes: [],
  filters: [
    { filterType: "PRICE_FILTER", minPrice: "0.01000000", maxPrice: "1000000.00000000", tickSize: "0.01000000" },
    { filterType: "LOT_SIZE", minQty: "0.00001000", maxQty: "9000.00000000", stepSize: "0.00001000" },
    { filterType: "MARKET_LOT_SIZE", minQty: "0.00000000", maxQty: "100.00000000", stepSize: "0.00000000" },
    { filterType: "NOTIONAL", minNotional: "5.00000000", applyMinToMarket: true, maxNotional: "9000000.00000000", applyMaxToMarket: false },
  ],
});
const MEANS = { base: wireAmount("1"), quote: wireAmount("10000") };
const LIMIT: Draft = { ...EMPTY, price: "50000", quantity: "0.1" };

function orderParams(draft: Draft): object | undefined {
  return placementOf(draft, BTCUSDT, "web-1")?.params;
}

function complaints(part: Partial<Draft>): object {
  return complaintsAbout({ ...LIMIT, ...part }, BTCUSDT, MEANS, wireAmount("50000"));
}

describe("an order is checked before it is sent", () => {
  test("a good one has nothing wrong", () => expect(complaints({})).toEqual({}));
  test("an empty one is unready, not wrong", () => expect(complaints({ price: "", quantity: "", total: "" })).toEqual({}));

  test.each<[string, Partial<Draft>, object]>([
    ["a price off the tick", { price: "50000.001" }, { price: "Prices move in steps of 0.01 USDT." }],
    ["a price over the highest", { price: "1000000.01" }, { price: "The highest price is 1000000 USDT." }],
    ["a price of zero", { price: "0" }, { price: "Enter a price above zero." }],
    ["an exponent", { price: "5e4" }, { price: "Enter a plain number." }],
    ["a quantity off the lot", { quantity: "0.100001" }, { quantity: "Quantities move in steps of 0.00001 BTC." }],
    ["a quantity under the least", { quantity: "0.000001" }, { quantity: "The least quantity is 0.00001 BTC." }],
    ["a notional under the least", { quantity: "0.00009" }, { total: "The least total is 5 USDT." }],
    ["more money than there is", { quantity: "0.20001" }, { total: "Needs 10000.5 USDT; 10000 is available." }],
    ["more base than there is", { side: "SELL", quantity: "1.00001" }, { quantity: "Only 1 BTC is available." }],
    ["a market quantity over the market lot", { type: "MARKET", side: "SELL", quantity: "100.1" }, { quantity: "The most in one order is 100 BTC." }],
    ["a market total over what there is", { type: "MARKET", isByTotal: true, total: "10000.01" }, { total: "Only 10000 USDT is available." }],
  ])("%s", (_name, part, wanted) => expect(complaints(part)).toEqual(wanted));

  test("without an account nothing is said about money", () => {
    expect(complaintsAbout({ ...LIMIT, quantity: "5" }, BTCUSDT, null, null)).toEqual({});
  });
});

describe("the parameters of an order", () => {
  test("are exact text", () => {
    expect(orderParams({ ...LIMIT, price: "50000.10", quantity: "0.10000" })).toMatchObject({
      symbol: "BTCUSDT", side: "BUY", type: "LIMIT", price: "50000.1", quantity: "0.1", timeInForce: "GTC", newClientOrderId: "web-1",
    });
  });

  test("of a post-only order name no time in force", () => {
    const params = orderParams({ ...LIMIT, isPostOnly: true });
    expect(params).toMatchObject({ type: "LIMIT_MAKER" });
    expect(params).not.toHaveProperty("timeInForce");
  });

  test("of a market order by total carry the total alone", () => {
    const params = orderParams({ ...LIMIT, type: "MARKET", isByTotal: true, total: "100" });
    expect(params).toMatchObject({ type: "MARKET", quoteOrderQty: "100" });
    expect(params).not.toHaveProperty("quantity");
    expect(params).not.toHaveProperty("price");
  });

  test("do not exist while a field is missing", () => {
    expect(orderParams({ ...LIMIT, quantity: "" })).toBeUndefined();
    expect(orderParams({ ...LIMIT, price: "0" })).toBeUndefined();
  });
});

describe("a share of what is available", () => {
  test("rounds down to the lot, so that it can be paid", () => {
    expect(shareOf({ ...LIMIT, price: "30000" }, 100n, BTCUSDT, MEANS, null)).toEqual({ quantity: "0.33333", isByTotal: false });
    expect(shareOf({ ...LIMIT, side: "SELL" }, 75n, BTCUSDT, MEANS, null)).toMatchObject({ quantity: "0.75000" });
  });

  test("of a market buy is a total", () => {
    expect(shareOf({ ...LIMIT, type: "MARKET" }, 25n, BTCUSDT, MEANS, null)).toEqual({ total: "2500.00", isByTotal: true });
  });

  test("is nothing without a price", () => {
    expect(shareOf({ ...LIMIT, price: "" }, 50n, BTCUSDT, MEANS, null)).toEqual({});
  });
});

test("a market lot of zero leaves the lot's own limits", () => {
  expect(lotFor({ ...EMPTY, type: "MARKET" }, BTCUSDT)).toEqual({ least: wireAmount("0.00001"), most: wireAmount("100"), step: wireAmount("0.00001") });
});

describe("a price too far from the average", () => {
  const bound = readInstrument({
    symbol: "BTCUSDT", status: "TRADING", baseAsset: "BTC", quoteAsset: "USDT", orderTypes: [],
    filters: [
      { filterType: "PRICE_FILTER", minPrice: "0.01000000", maxPrice: "1000000.00000000", tickSize: "0.01000000" },
      {
        filterType: "PERCENT_PRICE_BY_SIDE", bidMultiplierUp: "1.20000000", bidMultiplierDown: "0.20000000", askMultiplierUp: "5.00000000",
        askMultiplierDown: "0.80000000", avgPriceMins: 5,
      },
    ],
  });
  const said = (side: "BUY" | "SELL", price: string, average: string | null): string | undefined =>
    complaintsAbout({ ...LIMIT, side, price }, bound, null, null, average === null ? null : wireAmount(average)).price;

  test("is said before sending, by the side's own bounds on the tick", () => {
    expect(said("BUY", "59999.99", "50000.00333333")).toBeUndefined();
    expect(said("BUY", "60000.01", "50000.00333333")).toBe("Too far from the average price: choose one between 10,000.01 and 60,000.00 USDT.");
    expect(said("SELL", "60000.01", "50000.00333333")).toBeUndefined();
    expect(said("SELL", "39999.99", "50000")).toBe("Too far from the average price: choose one between 40,000.00 and 250,000.00 USDT.");
  });

  test("is left to the exchange while the average is unknown, and where nothing bounds prices", () => {
    expect(said("BUY", "60000.01", null)).toBeUndefined();
    expect(complaintsAbout({ ...LIMIT, price: "999999" }, BTCUSDT, null, null, wireAmount("1"))).toEqual({});
  });

  test("of two rules the tighter one counts", () => {
    const both = readInstrument({
      symbol: "BTCUSDT", status: "TRADING", baseAsset: "BTC", quoteAsset: "USDT", orderTypes: [],
      filters: [
        { filterType: "PERCENT_PRICE", multiplierUp: "1.1", multiplierDown: "0.5", avgPriceMins: 5 },
        { filterType: "PERCENT_PRICE_BY_SIDE", bidMultiplierUp: "5", bidMultiplierDown: "0.2", askMultiplierUp: "1.05", askMultiplierDown: "0.8", avgPriceMins: 5 },
      ],
    });
    expect(both.bands).toEqual({
      BUY: { up: wireAmount("1.1"), down: wireAmount("0.5") }, SELL: { up: wireAmount("1.05"), down: wireAmount("0.8") },
    });
  });
});
