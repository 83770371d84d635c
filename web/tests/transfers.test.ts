import { describe, expect, test } from "vitest";
import { ApiError } from "../src/api/rest";
import { withdrawalRefusal } from "../src/wallet/refusals";
import { readWithdrawal, utcTime } from "../src/wallet/transfers";

const WIRE = {
  id: "7", amount: "0.50000000", coin: "BTC", status: 2, address: "an-address", addressTag: "", txId: "", applyTime: "2026-11-27 01:02:03", info: "",
};

describe("a withdrawal of the history", () => {
  test("has its time in UTC, though the text does not say so", () => {
    expect(utcTime(WIRE.applyTime)).toBe(Date.UTC(2026, 10, 27, 1, 2, 3));
  });

  test.each<[status: number, state: string, isCancelable: boolean]>([
    [1, "Canceled", false],
    [2, "Awaiting approval", true],
    [3, "Rejected", false],
    [4, "Approved, being sent", false],
    [5, "Not sent", false],
    [6, "Completed", false],
    [9, "State 9", false],
  ])("in state %i", (status, state, isCancelable) => {
    expect(readWithdrawal({ ...WIRE, status })).toMatchObject({ state, isCancelable, amount: 50_000_000n });
  });

  test("shows the tag with the address", () => {
    expect(readWithdrawal({ ...WIRE, addressTag: "42" }).address).toBe("an-address (tag 42)");
  });
});

describe("a refused withdrawal", () => {
  test.each<[status: number, code: number, words: string]>([
    [400, -4001, "no address for BTC"],
    [400, -4026, "Not enough BTC is available"],
    [400, -9999, "as it came"],
    [503, -1007, "look under Transfers"],
    [0, 0, "look under Transfers"],
  ])("HTTP %i, %i", (status, code, words) => {
    expect(withdrawalRefusal(new ApiError(status, code, "as it came"), "BTC")).toContain(words);
  });
});
