import { describe, expect, test } from "vitest";
import {
  ceilTo, compact, decimalsOf, divide, floorTo, formatAmount, grouped, multiply, parseAmount, percentChange, trimAmount, wireAmount,
} from "../src/amounts";

describe("decimal text", () => {
  test("becomes exact units and text again", () => {
    expect(parseAmount("0.1")).toBe(10_000_000n);
    expect(parseAmount("67000.01000000")).toBe(6_700_001_000_000n);
    expect(parseAmount(".5")).toBe(50_000_000n);
    expect(parseAmount("5.")).toBe(500_000_000n);
    expect(formatAmount(6_700_001_000_000n)).toBe("67000.01000000");
    expect(trimAmount(6_700_001_000_000n)).toBe("67000.01");
    expect(trimAmount(100_000_000n)).toBe("1");
    expect(trimAmount(100_000_000n, 2)).toBe("1.00");
  });

  test("that a float would bend stays as it is", () => {
    expect(trimAmount((parseAmount("0.1") ?? 0n) + (parseAmount("0.2") ?? 0n))).toBe("0.3");
    expect(trimAmount(parseAmount("90071992547.40993") ?? 0n)).toBe("90071992547.40993");
  });

  test.each(["", ".", "1e5", "-1", "+1", "1,5", "0.123456789", "NaN", "Infinity", "0x10", "1 2", "1".repeat(21)])(
    "%j is refused",
    (text) => expect(parseAmount(text)).toBeNull(),
  );

  test("from the exchange may be negative but nothing else", () => {
    expect(wireAmount("-1.50000000")).toBe(-150_000_000n);
    expect(() => wireAmount("1e-8")).toThrow("not a decimal");
    expect(formatAmount(-150_000_000n, 2)).toBe("-1.50");
  });

  test("is cut towards zero, never rounded up", () => {
    expect(formatAmount(199_999_999n, 2)).toBe("1.99");
    expect(formatAmount(-199_999_999n, 2)).toBe("-1.99");
    expect(formatAmount(199_999_999n, 0)).toBe("1");
  });

  test("is grouped and shortened for reading", () => {
    expect(grouped("1234567.8901")).toBe("1,234,567.8901");
    expect(grouped("999")).toBe("999");
    expect(compact(parseAmount("1234567") ?? 0n)).toBe("1.23M");
    expect(compact(parseAmount("999.999") ?? 0n)).toBe("999.99");
  });
});

describe("arithmetic", () => {
  test("multiplies and divides exactly, cut towards zero", () => {
    expect(multiply(wireAmount("67000.01"), wireAmount("0.00015"))).toBe(wireAmount("10.0500015"));
    expect(divide(wireAmount("100"), wireAmount("3"))).toBe(wireAmount("33.33333333"));
    expect(divide(1n, 0n)).toBe(0n);
  });

  test("moves to steps downwards and upwards", () => {
    const step = wireAmount("0.00001");
    expect(floorTo(wireAmount("0.000019"), step)).toBe(wireAmount("0.00001"));
    expect(ceilTo(wireAmount("0.000011"), step)).toBe(wireAmount("0.00002"));
    expect(ceilTo(wireAmount("0.00002"), step)).toBe(wireAmount("0.00002"));
    expect(floorTo(wireAmount("0.5"), 0n)).toBe(wireAmount("0.5"));
  });

  test("counts the decimals of a step", () => {
    expect(decimalsOf(wireAmount("0.01000000"))).toBe(2);
    expect(decimalsOf(wireAmount("0.00001000"))).toBe(5);
    expect(decimalsOf(wireAmount("10"))).toBe(0);
    expect(decimalsOf(1n)).toBe(8);
  });

  test("says a change in percent", () => {
    expect(percentChange(wireAmount("100"), wireAmount("102.5"))).toBe("2.50");
    expect(percentChange(wireAmount("100"), wireAmount("97.5"))).toBe("2.50");
    expect(percentChange(0n, wireAmount("1"))).toBe("0.00");
  });
});
