import { describe, expect, test } from "vitest";
import { wireAmount } from "../src/amounts";
import { readInstrument } from "../src/market/instruments";
import { conditionalKinds, type Draft, EMPTY, unitPrice, withKind, withPicked } from "../src/orders/draft";
import { complaintsAbout, fittingKind, isTight, lotFor, placementOf, shareOf } from "../src/orders/rules";
import { summaryOf } from "../src/orders/summary";

const WIRE = {
  symbol: "BTCUSDT", status: "TRADING", baseAsset: "BTC", quoteAsset: "USDT", ocoAllowed: true, allowTrailingStop: true,
  orderTypes: ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"],
  filters: [
    { filterType: "PRICE_FILTER", minPrice: "0.01000000", maxPrice: "1000000.00000000", tickSize: "0.01000000" },
    { filterType: "LOT_SIZE", minQty: "0.00001000", maxQty: "9000.00000000", stepSize: "0.00001000" },
    { filterType: "MARKET_LOT_SIZE", minQty: "0.00000000", maxQty: "100.00000000", stepSize: "0.00000000" },
    { filterType: "NOTIONAL", minNotional: "5.00000000", applyMinToMarket: true, maxNotional: "9000000.00000000", applyMaxToMarket: false },
    { filterType: "TRAILING_DELTA", minTrailingAboveDelta: 10, maxTrailingAboveDelta: 2000, minTrailingBelowDelta: 20, maxTrailingBelowDelta: 1000 },
  ],
};
const BTCUSDT = readInstrument(WIRE);
const LAST = wireAmount("100000");
const MEANS = { base: wireAmount("1"), quote: wireAmount("10000") };

const draft = (part: Partial<Draft>): Draft => ({ ...EMPTY, side: "SELL", quantity: "0.01", ...part });
const STOP = draft({ type: "STOP_LIMIT", stop: "95000", price: "94900" });
const TRAILING = draft({ type: "TRAILING", delta: "1.5" });
const OCO = draft({ type: "OCO", price: "110000", stop: "95000", stopLimit: "94900" });
const BUY_OCO = draft({ ...OCO, side: "BUY", price: "90000", stop: "105000", stopLimit: "105100" });

const complaints = (of: Draft, last: bigint | null = LAST): object => complaintsAbout(of, BTCUSDT, MEANS, last);
const sent = (of: Draft, last: bigint | null = LAST): object | undefined => {
  const placement = placementOf(of, BTCUSDT, "web-1", last);
  return placement === null ? undefined : { path: placement.path, ...placement.params };
};
const said = (of: Draft, last: bigint | null = LAST): string => summaryOf(of, BTCUSDT, last);

describe("the types with a condition", () => {
  test("are those that the instrument takes", () => {
    expect(conditionalKinds(BTCUSDT)).toEqual(["STOP_LIMIT", "STOP_MARKET", "TAKE_PROFIT_LIMIT", "TAKE_PROFIT_MARKET", "TRAILING", "OCO"]);
    expect(conditionalKinds(readInstrument({ ...WIRE, allowTrailingStop: false, ocoAllowed: false }))).not.toContain("OCO");
    expect(conditionalKinds(readInstrument({ ...WIRE, orderTypes: ["LIMIT", "STOP_LOSS"] }))).toEqual(["STOP_MARKET"]);
  });

  test("take no price along that meant something else", () => {
    expect(withKind(draft({ price: "100" }), "TRAILING")).toMatchObject({ type: "TRAILING", price: "", quantity: "" });
    expect(withKind(OCO, "LIMIT")).toMatchObject({ price: "", stop: "", stopLimit: "" });
    expect(withKind(draft({ price: "100" }), "STOP_LIMIT").price).toBe("100");
  });

  test("take a price from the book where it can stand", () => {
    const picked = (of: Draft, price: string): Draft => withPicked(of, wireAmount(price), 2, LAST);
    expect(picked(OCO, "120000")).toMatchObject({ price: "120000.00", stop: "95000" });
    expect(picked(OCO, "90000")).toMatchObject({ price: "110000", stop: "90000.00" });
    expect(picked(BUY_OCO, "120000")).toMatchObject({ price: "90000", stop: "120000.00" });
    expect(picked(draft({ type: "STOP_MARKET" }), "90000")).toMatchObject({ stop: "90000.00", price: "" });
    expect(picked(STOP, "90000")).toMatchObject({ stop: "95000", price: "90000.00" });
    expect(picked(draft({ type: "MARKET" }), "90000")).toMatchObject({ type: "LIMIT", price: "90000.00" });
  });
});

describe("what is sent", () => {
  const shared = { symbol: "BTCUSDT", side: "SELL", newOrderRespType: "FULL", quantity: "0.01" };
  const order = { ...shared, path: "/api/v3/order", newClientOrderId: "web-1" };
  const list = { ...shared, path: "/api/v3/orderList/oco", listClientOrderId: "web-1" };

  test.each<[string, Draft, object]>([
    ["a stop-limit", { ...STOP, timeInForce: "IOC", isPostOnly: true },
      { ...order, type: "STOP_LOSS_LIMIT", stopPrice: "95000", price: "94900", timeInForce: "IOC" }],
    ["a stop at the market", draft({ type: "STOP_MARKET", stop: "95000.50" }), { ...order, type: "STOP_LOSS", stopPrice: "95000.5" }],
    ["a take-profit with a limit", draft({ type: "TAKE_PROFIT_LIMIT", stop: "110000", price: "109900" }),
      { ...order, type: "TAKE_PROFIT_LIMIT", stopPrice: "110000", price: "109900", timeInForce: "GTC" }],
    ["a take-profit at the market", draft({ type: "TAKE_PROFIT_MARKET", stop: "110000" }), { ...order, type: "TAKE_PROFIT", stopPrice: "110000" }],
    ["a trailing stop", TRAILING, { ...order, type: "STOP_LOSS", trailingDelta: "150" }],
    ["a trailing stop with a limit", draft({ ...TRAILING, price: "90000" }),
      { ...order, type: "STOP_LOSS_LIMIT", trailingDelta: "150", price: "90000", timeInForce: "GTC" }],
    ["a trailing sale that begins higher", draft({ ...TRAILING, stop: "110000" }), { ...order, type: "TAKE_PROFIT", trailingDelta: "150", stopPrice: "110000" }],
    ["a trailing sale that begins lower", draft({ ...TRAILING, stop: "90000" }), { ...order, type: "STOP_LOSS", trailingDelta: "150", stopPrice: "90000" }],
    ["an OCO that sells", OCO, {
      ...list, aboveType: "LIMIT_MAKER", abovePrice: "110000", belowType: "STOP_LOSS_LIMIT", belowStopPrice: "95000", belowPrice: "94900",
      belowTimeInForce: "GTC",
    }],
    ["an OCO whose stop sells at the market", draft({ ...OCO, stopLimit: "", timeInForce: "IOC" }),
      { ...list, aboveType: "LIMIT_MAKER", abovePrice: "110000", belowType: "STOP_LOSS", belowStopPrice: "95000" }],
    ["an OCO that buys", BUY_OCO, {
      ...list, side: "BUY", aboveType: "STOP_LOSS_LIMIT", aboveStopPrice: "105000", abovePrice: "105100", aboveTimeInForce: "GTC",
      belowType: "LIMIT_MAKER", belowPrice: "90000",
    }],
  ])("of %s", (_name, of, wanted) => {
    expect(sent(of)).toStrictEqual(wanted);
    expect(complaints(of)).toEqual({});
  });

  test.each<[string, Draft]>([
    ["no trigger", draft({ ...STOP, stop: "" })], ["a trigger of zero", draft({ ...STOP, stop: "0" })], ["no delta", draft({ ...TRAILING, delta: "" })],
    ["no stop loss", draft({ ...OCO, stop: "" })], ["no take profit", draft({ ...OCO, price: "" })], ["no amount", draft({ ...OCO, quantity: "" })],
    ["half a step of delta", draft({ ...TRAILING, delta: "1.505" })],
  ])("is nothing with %s", (_name, of) => expect(sent(of)).toBeUndefined());

  test("is no trailing stop before the first trade", () => expect(sent(TRAILING, null)).toBeUndefined());
});

describe("prices are held to the side they must stand on", () => {
  const stop = (words: string): object => ({ stop: `${words} the last price, 100,000.00.` });
  test.each<[string, Partial<Draft>, object]>([
    ["a stop above a sale", { ...STOP, stop: "100000" }, stop("A stop that sells waits for a fall: choose a trigger below")],
    ["a stop below a buy", { ...STOP, side: "BUY" }, stop("A stop that buys waits for a rise: choose a trigger above")],
    ["a take-profit below a sale", { type: "TAKE_PROFIT_MARKET", stop: "99999" }, stop("A take-profit that sells waits for a rise: choose a trigger above")],
    ["a take-profit above a buy", { type: "TAKE_PROFIT_MARKET", side: "BUY", stop: "100001" },
      stop("A take-profit that buys waits for a fall: choose a trigger below")],
    ["a sale's take profit below", { ...OCO, price: "99000" }, { price: "The take profit of a sale stands above the last price, 100,000.00." }],
    ["a sale's stop loss above", { ...OCO, stop: "101000" }, { stop: "The stop loss of a sale stands below the last price, 100,000.00." }],
    ["a buy's take profit above", { ...BUY_OCO, price: "100000" }, { price: "The take profit of a buy stands below the last price, 100,000.00." }],
    ["a buy's stop loss below", { ...BUY_OCO, stop: "99000" }, { stop: "The stop loss of a buy stands above the last price, 100,000.00." }],
    ["an activation that is there", { ...TRAILING, stop: "100000" }, { stop: "The last price is there already: leave this empty to trail at once." }],
    ["a delta under the bounds of a fall", { ...TRAILING, delta: "0.19" }, { delta: "Choose a delta from 0.2% to 10%." }],
    ["a delta over the bounds of a fall", { ...TRAILING, delta: "10.01" }, { delta: "Choose a delta from 0.2% to 10%." }],
    ["a delta within those of a rise", { ...TRAILING, stop: "110000", delta: "20" }, {}],
    ["a delta over the bounds of a rise", { ...TRAILING, side: "BUY", delta: "20.01" }, { delta: "Choose a delta from 0.1% to 20%." }],
    ["a delta off its step", { ...TRAILING, delta: "1.505" }, { delta: "Deltas move in steps of 0.01%." }],
    ["a trigger off the tick", { ...STOP, stop: "95000.001" }, { stop: "Prices move in steps of 0.01 USDT." }],
    ["a stop limit off the tick", { ...OCO, stopLimit: "94900.001" }, { stopLimit: "Prices move in steps of 0.01 USDT." }],
    ["more than the market lot", { type: "STOP_MARKET", stop: "95000", quantity: "101" }, { quantity: "The most in one order is 100 BTC." }],
    ["a leg under the least total", { ...OCO, quantity: "0.00005", stopLimit: "94000" }, { total: "The least total is 5 USDT." }],
    ["money for the dearer leg", { ...BUY_OCO, quantity: "0.1" }, { total: "Needs 10510 USDT; 10000 is available." }],
  ])("%s", (_name, part, wanted) => expect(complaints(draft(part))).toEqual(wanted));

  test("and before the first trade to each other", () => {
    expect(complaints(draft({ ...OCO, stop: "110000" }), null)).toEqual({
      price: "The take profit of a sale stands above the stop loss.", stop: "The stop loss of a sale stands below the take profit.",
    });
    expect(complaints(OCO, null)).toEqual({});
    expect(complaints(TRAILING, null)).toEqual({ delta: "Nothing was traded yet: there is no last price to trail." });
  });

  test("and the type that fits a trigger is known", () => {
    expect(fittingKind(STOP, LAST)).toBeNull();
    expect(fittingKind({ ...STOP, stop: "110000" }, LAST)).toBe("TAKE_PROFIT_LIMIT");
    expect(fittingKind(draft({ type: "TAKE_PROFIT_MARKET", side: "BUY", stop: "110000" }), LAST)).toBe("STOP_MARKET");
    expect(fittingKind({ ...STOP, stop: "100000" }, LAST)).toBeNull();
    expect(fittingKind(OCO, LAST)).toBeNull();
  });
});

describe("a share of what is available", () => {
  const share = (of: Draft): string | undefined => shareOf(of, 100n, BTCUSDT, MEANS, LAST).quantity;
  test("of a sale is of the base", () => {
    for (const of of [STOP, TRAILING, OCO]) expect(share(of)).toBe("1.00000");
  });

  test("of a buy is what its dearest leg can pay, and leaves some where the market may be dearer", () => {
    expect(share(BUY_OCO)).toBe("0.09514"); // 10,000 / 105,100
    expect(share({ ...BUY_OCO, stopLimit: "" })).toBe("0.09337"); // 10,000 / (105,000 × 1.02)
    expect(share(draft({ type: "TAKE_PROFIT_LIMIT", side: "BUY", stop: "90000", price: "80000" }))).toBe("0.12500");
    expect(share({ ...TRAILING, side: "BUY" })).toBe("0.09659"); // 10,000 / (100,000 × 1.015 × 1.02)
    for (const of of [BUY_OCO, { ...BUY_OCO, stopLimit: "" }, { ...TRAILING, side: "BUY" as const }]) {
      const filled = { ...of, quantity: share(of) ?? "" };
      expect(complaints(filled)).toEqual({});
      expect(isTight(filled, MEANS, LAST)).toBe(false);
    }
  });

  test("is tight where nothing is left", () => {
    const stop = draft({ type: "STOP_MARKET", side: "BUY", stop: "105000" });
    expect(isTight({ ...stop, quantity: "0.095" }, MEANS, LAST)).toBe(true);
    expect(isTight({ ...stop, quantity: "0.09" }, MEANS, LAST)).toBe(false);
  });

  test("counts by the price that is held for a unit", () => {
    expect(unitPrice(OCO, LAST)).toBe(wireAmount("110000"));
    expect(unitPrice(BUY_OCO, LAST)).toBe(wireAmount("105100"));
    expect(unitPrice(TRAILING, LAST)).toBe(LAST);
    expect(unitPrice({ ...STOP, price: "" }, LAST)).toBeNull();
    expect(lotFor({ ...OCO, stopLimit: "" }, BTCUSDT).most).toBe(wireAmount("100"));
    expect(lotFor(OCO, BTCUSDT).most).toBe(wireAmount("9000"));
  });
});

describe("what will happen is said in a sentence", () => {
  test.each<[Draft, string]>([
    [OCO, "Sells 0.01 BTC at 110,000.00; or, if the price falls to 95,000.00, at 94,900.00."],
    [{ ...BUY_OCO, stopLimit: "" }, "Buys 0.01 BTC at 90,000.00; or, if the price rises to 105,000.00, at the market."],
    [STOP, "If the price falls to 95,000.00, sells 0.01 BTC at 94,900.00 or higher."],
    [{ ...STOP, timeInForce: "FOK" }, "If the price falls to 95,000.00, sells 0.01 BTC at 94,900.00 or higher, all at once or nothing."],
    [draft({ type: "TAKE_PROFIT_MARKET", side: "BUY", stop: "90000" }), "If the price falls to 90,000.00, buys 0.01 BTC at the market."],
    [TRAILING, "Follows the price up, and sells 0.01 BTC at the market once it falls 1.5% from its highest, now at 98,500.00."],
    [{ ...TRAILING, side: "BUY", stop: "90000", price: "91000" },
      "When the price falls to 90,000.00, follows it down from there, and buys 0.01 BTC at 91,000.00 or lower once it rises 1.5% from its lowest."],
    [{ ...OCO, stop: "" }, "A take profit above the last price and a stop loss below it, for one amount: when one of them works, the other ends."],
    [{ ...BUY_OCO, quantity: "" }, "A take profit below the last price and a stop loss above it, for one amount: when one of them works, the other ends."],
    [{ ...STOP, price: "" }, "Waits until the price falls to the trigger, then sells at the limit price or higher."],
    [{ ...TRAILING, delta: "" }, "Follows the price up, and sells once it falls by the delta from its highest."],
    [draft({ price: "1" }), ""],
  ])("%#", (of, words) => expect(said(of)).toBe(words));
});
