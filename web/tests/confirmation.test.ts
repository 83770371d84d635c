import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Confirmation } from "../src/ui/confirmation";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a double click does not confirm, a second press does", () => {
  const confirmation = new Confirmation();
  expect(confirmation.press()).toBe(false);
  vi.advanceTimersByTime(399);
  expect(confirmation.press()).toBe(false);
  vi.advanceTimersByTime(1);
  expect(confirmation.press()).toBe(true);
  expect(confirmation.state.value).toBe("none");
});

test("a question that nobody answers is taken back, and one asked anew has its whole time", () => {
  const confirmation = new Confirmation();
  confirmation.press();
  vi.advanceTimersByTime(3_000);
  expect(confirmation.state.value).toBe("none");
  confirmation.press();
  vi.advanceTimersByTime(1_000);
  expect(confirmation.press()).toBe(true);
  confirmation.press();
  vi.advanceTimersByTime(2_999);
  expect(confirmation.state.value).toBe("asking");
});
