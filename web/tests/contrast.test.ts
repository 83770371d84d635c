import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

/** What WCAG 2 asks of text at level AA. */
const LEAST = 4.5;

type Colour = readonly [red: number, green: number, blue: number, alpha: number];

const [dark = "", light = ""] = readFileSync(new URL("../src/styles/tokens.css", import.meta.url), "utf8").split("@media (prefers-color-scheme: light)");
const darkTokens = tokensOf(dark);
const THEMES: [name: string, tokens: Map<string, Colour>][] = [
  ["dark", darkTokens],
  ["light", new Map([...darkTokens, ...tokensOf(light)])],
];

function tokensOf(css: string): Map<string, Colour> {
  const hex = [...css.matchAll(/--([a-z-]+): #([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2});/g)].map(
    ([, name = "", ...parts]) => [name, [...parts.map((part) => parseInt(part, 16)), 1] as unknown as Colour] as const,
  );
  const rgb = [...css.matchAll(/--([a-z-]+): rgb\((\d+) (\d+) (\d+) \/ (\d+)%\);/g)].map(
    ([, name = "", red, green, blue, percent]) => [name, [Number(red), Number(green), Number(blue), Number(percent) / 100] as Colour] as const,
  );
  return new Map([...hex, ...rgb]);
}

/** Lay a colour over an opaque one, as thick as `alpha` says. */
function over(upper: Colour, lower: Colour, alpha = upper[3]): Colour {
  const mixed = [0, 1, 2].map((index) => (upper[index] ?? 0) * alpha + (lower[index] ?? 0) * (1 - alpha));
  return [...mixed, 1] as unknown as Colour;
}

function luminance(colour: Colour): number {
  const [red = 0, green = 0, blue = 0] = colour.map((part) => (part / 255 <= 0.03928 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(left: Colour, right: Colour): number {
  const [high, low] = [luminance(left), luminance(right)].sort((one, other) => other - one) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

describe.each(THEMES)("in the %s theme text can be read", (_, tokens) => {
  const token = (name: string): Colour => tokens.get(name) ?? expect.fail(`no colour --${name}`);
  const tinted = (name: string, percent: number, ground: string): Colour => over(token(name), token(ground), percent / 100);

  test.each(["text", "text-soft", "up", "down", "accent", "warn"])("as --%s on panels, and where the pointer is", (name) => {
    for (const ground of ["panel", "raised"]) {
      expect(contrast(token(name), token(ground))).toBeGreaterThanOrEqual(LEAST);
      expect(contrast(token(name), tinted("text", 8, ground))).toBeGreaterThanOrEqual(LEAST);
    }
  });

  test.each(["buy", "sell", "accent-strong"])("as white on a button of --%s", (name) => {
    expect(contrast(token("on-strong"), token(name))).toBeGreaterThanOrEqual(LEAST);
  });

  test.each<[name: string, ground: (name: string) => Colour]>([
    ["up", () => over(token("up-fill"), token("panel"))],
    ["down", () => over(token("down-fill"), token("panel"))],
    ["warn", () => tinted("warn", 18, "panel")],
    ["accent", () => tinted("accent", 16, "panel")],
    ["text-soft", () => token("field")],
    ["text-soft", () => token("page")],
  ])("as --%s on its own tint, or in a field", (name, ground) => {
    expect(contrast(token(name), ground(name))).toBeGreaterThanOrEqual(LEAST);
  });
});
