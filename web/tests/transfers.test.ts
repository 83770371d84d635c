import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ApiError, type RestClient } from "../src/api/rest";
import { Asking } from "../src/wallet/asking";
import { withdrawalRefusal } from "../src/wallet/refusals";
import { readWithdrawal, type Transfer, Transfers, utcTime } from "../src/wallet/transfers";

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
  ])("HTTP %i, %i", (status, code, words) => {
    expect(withdrawalRefusal(new ApiError(status, code, "as it came"), "BTC")).toContain(words);
  });

  test.each([new ApiError(503, -1007, "unknown"), new ApiError(0, 0, "no answer")])("of which nobody knows leaves the words to what is waited for", (error) => {
    expect(withdrawalRefusal(error, "BTC")).toBe("");
  });
});

describe("a withdrawal whose answer was lost", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** An exchange that takes a withdrawal and says nothing, and lists it from the third time on that somebody looks. */
  function exchangeThatLists(looksBefore: number): { rest: RestClient; looks: () => number } {
    let id: unknown;
    let looks = 0;
    const signed = async (method: string, path: string, params: { withdrawOrderId?: string } = {}): Promise<unknown> => {
      if (method === "POST") {
        id = params.withdrawOrderId;
        throw new ApiError(0, 0, "The exchange did not answer.");
      }
      if (path.startsWith("/sapi")) return [];
      looks += 1;
      return looks > looksBefore ? [{ ...WIRE, withdrawOrderId: id }] : [];
    };
    return { rest: { signed } as unknown as RestClient, looks: () => looks };
  }

  async function ask(rest: RestClient): Promise<{ transfers: Transfers; found: Transfer[] }> {
    const kept = new Map<string, string>();
    const shelf = { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, text: string) => void kept.set(key, text), removeItem: (key: string) => void kept.delete(key) };
    const transfers = new Transfers(rest, new Asking(shelf));
    const found: Transfer[] = [];
    transfers.onFound = (transfer) => found.push(transfer);
    transfers.follow("1");
    await expect(transfers.withdraw({ coin: "BTC", address: "an-address", amount: 50_000_000n }, "")).rejects.toThrow("did not answer");
    return { transfers, found };
  }

  test("is looked for until it is there, and that is said", async () => {
    const { rest, looks } = exchangeThatLists(2);
    const { transfers, found } = await ask(rest);
    expect(transfers.asking.doubt.value?.what).toBe("0.5 BTC");
    await vi.advanceTimersByTimeAsync(1_000);
    expect([found.length, looks()]).toEqual([0, 2]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([found.map(({ amount }) => amount), looks()]).toEqual([[50_000_000n], 3]);
    expect(transfers.asking.doubt.value).toBeNull();
  });

  test("is not looked for without end, nor as somebody else", async () => {
    const { rest, looks } = exchangeThatLists(1_000);
    const { transfers } = await ask(rest);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(looks()).toBe(7);
    expect(transfers.asking.doubt.value).not.toBeNull();
    void transfers.look();
    transfers.follow("");
    await vi.advanceTimersByTimeAsync(600_000);
    expect(looks()).toBe(7);
  });
});
