import { describe, expect, test } from "vitest";
import { ApiError } from "../src/api/rest";
import { Asking } from "../src/wallet/asking";

const NO_ANSWER = new ApiError(0, 0, "The exchange did not answer.");
const UNKNOWN = new ApiError(503, -1007, "Timeout waiting for response from backend server.");
const TAKEN = new ApiError(400, -1130, "withdrawOrderId is used already.");

describe("a withdrawal is asked for once", () => {
  test.each([NO_ANSWER, UNKNOWN])("by the same id after $message", (error) => {
    const asking = new Asking();
    const { id } = asking;
    expect(asking.failed(error)).toBe(false);
    expect(asking.id).toBe(id);
  });

  test("and an id that is taken says that it was", () => {
    const asking = new Asking();
    const { id } = asking;
    asking.failed(NO_ANSWER);
    expect(asking.failed(TAKEN)).toBe(true);
    expect(asking.id).toBe(id);
  });

  test.each<[code: number, message: string]>([
    [-5004, "A code of your second factor is needed: send it as code."],
    [-5005, "The code is wrong, or was used already."],
    [-4001, "The address is not valid."],
    [-1130, "Data sent for parameter 'coin' is not valid."],
  ])("by the same id still when %i says nothing of the request before", (code, message) => {
    const asking = new Asking();
    const { id } = asking;
    asking.failed(NO_ANSWER);
    expect(asking.failed(new ApiError(400, code, message))).toBe(false);
    expect(asking.id).toBe(id);
  });

  test("by another id once it is known that none was made", () => {
    const asking = new Asking();
    const { id } = asking;
    asking.failed(new ApiError(400, -4001, "The address is not valid."));
    const second = asking.id;
    expect(second).not.toBe(id);
    asking.failed(NO_ANSWER);
    asking.failed(new ApiError(400, -4026, "The user has insufficient balance available."));
    expect(asking.id).not.toBe(second);
    const third = asking.id;
    asking.failed(new ApiError(401, -5005, "The code is wrong, or was used already."));
    expect(asking.id).not.toBe(third);
  });
});
