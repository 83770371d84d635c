import { describe, expect, test } from "vitest";
import { ApiError } from "../src/api/rest";
import { Asking } from "../src/wallet/asking";

const NO_ANSWER = new ApiError(0, 0, "The exchange did not answer.");
const UNKNOWN = new ApiError(503, -1007, "Timeout waiting for response from backend server.");
const TAKEN = new ApiError(400, -1130, "withdrawOrderId is used already.");
const NO_ADDRESS = new ApiError(400, -4001, "The address is not valid.");
const NOW = 1_795_000_000_000;

/** What outlives a page, for one test. */
class Shelf extends Map<string, string> {
  getItem(key: string): string | null {
    return this.get(key) ?? null;
  }
  setItem(key: string, text: string): void {
    this.set(key, text);
  }
  removeItem(key: string): void {
    this.delete(key);
  }
}

function pageOf(account: string, shelf = new Shelf()): Asking {
  const asking = new Asking(shelf);
  asking.follow(account);
  return asking;
}

/** Ask, and be told `error`; return the id that was asked by. */
function ask(asking: Asking, error: Error): string {
  const id = asking.begin("0.3 BTC", NOW);
  asking.failed(error);
  return id;
}

describe("a withdrawal is asked for once", () => {
  test.each([NO_ANSWER, UNKNOWN, new TypeError("no JSON")])("by the same id after $message", (error) => {
    const asking = pageOf("1");
    const id = ask(asking, error);
    expect(asking.doubt.value).toEqual({ id, what: "0.3 BTC", askedAt: NOW });
    expect(asking.begin("0.3 BTC", NOW + 1)).toBe(id);
  });

  test("and an id that is taken says that it was", () => {
    const asking = pageOf("1");
    const id = ask(asking, NO_ANSWER);
    asking.begin("0.3 BTC", NOW);
    expect(asking.failed(TAKEN)).toBe(true);
    expect(asking.doubt.value).toBeNull();
    expect(asking.begin("0.3 BTC", NOW)).not.toBe(id);
  });

  test.each<[code: number, message: string]>([
    [-5004, "A code of your second factor is needed: send it as code."],
    [-5005, "The code is wrong, or was used already."],
    [-4001, "The address is not valid."],
    [-1130, "Data sent for parameter 'coin' is not valid."],
  ])("by the same id still when %i says nothing of the request before", (code, message) => {
    const asking = pageOf("1");
    const id = ask(asking, NO_ANSWER);
    expect(ask(asking, new ApiError(400, code, message))).toBe(id);
    expect(asking.doubt.value?.id).toBe(id);
  });

  test("by another id once it is known that none was made", () => {
    const asking = pageOf("1");
    const ids = [NO_ADDRESS, NO_ANSWER, new ApiError(400, -4026, "The user has insufficient balance available.")].map((error) => ask(asking, error));
    ids.push(asking.begin("0.3 BTC", NOW));
    expect(ids[1]).toBe(ids[2]);
    expect(new Set(ids).size).toBe(3);
    expect(asking.doubt.value).toBeNull();
  });

  test("by another id once the exchange has it", () => {
    const asking = pageOf("1");
    const id = ask(asking, NO_ANSWER);
    expect(asking.found("of something else")).toBe(false);
    expect(asking.found(id)).toBe(true);
    expect(asking.found(id)).toBe(false);
    expect(asking.begin("0.3 BTC", NOW)).not.toBe(id);
  });

  test("by the same id on a page that is loaded anew, even before an answer was to be had", () => {
    const shelf = new Shelf();
    const id = pageOf("1", shelf).begin("0.3 BTC", NOW);
    const other = pageOf("2", shelf);
    expect(other.doubt.value).toBeNull();
    other.follow("1");
    expect(other.doubt.value?.id).toBe(id);
    other.follow("");
    expect(other.doubt.value).toBeNull();
    expect(pageOf("1", shelf).begin("0.3 BTC", NOW)).toBe(id);
  });

  test("and while its answer is awaited it is not taken for one in doubt", () => {
    const asking = pageOf("1");
    const id = asking.begin("0.3 BTC", NOW);
    expect([asking.isUnderWay.value, asking.recall(), asking.found(id)]).toEqual([true, null, false]);
    asking.settle();
    expect([asking.isUnderWay.value, asking.recall()]).toEqual([false, null]);
  });

  test("what another tab waits for outlives an older one that is found", () => {
    const shelf = new Shelf();
    const [one, other] = [pageOf("1", shelf), pageOf("1", shelf)];
    const older = ask(one, NO_ANSWER);
    expect(other.recall()?.id).toBe(older);
    one.begin("0.3 BTC", NOW);
    one.settle();
    const newer = ask(one, NO_ANSWER);
    expect(other.found(older)).toBe(false);
    expect(other.doubt.value?.id).toBe(newer);
    expect(one.recall()?.id).toBe(newer);
    expect(other.found(newer)).toBe(true);
    expect(one.recall()).toBeNull();
  });
});
