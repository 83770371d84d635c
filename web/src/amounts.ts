/*
 * Exact decimal arithmetic. Every price, quantity and balance is a bigint in units of 1e-8, as on the exchange.
 *
 * In:    decimal text, from the API or a person.
 * Out:   bigints, and decimal text again.
 * Never: a float; rounding is always named.
 */

/** A price, quantity or balance in units of 1e-8. */
export type Amount = bigint;

export const DECIMALS = 8;
export const ONE: Amount = 100_000_000n;

const TYPED = /^(\d{1,20})?(?:\.(\d{0,8}))?$/;

/** Parse decimal text: digits with an optional point, at most eight decimals, no sign or exponent. Null if it is not one. */
export function parseAmount(text: string): Amount | null {
  const match = TYPED.exec(text.trim());
  if (match === null) return null;
  const whole = match[1] ?? "";
  const fraction = match[2] ?? "";
  if (whole === "" && fraction === "") return null;
  return BigInt(whole === "" ? "0" : whole) * ONE + BigInt(fraction.padEnd(DECIMALS, "0"));
}

/** Parse a signed decimal the exchange sent (a 24 h change, a balance delta). Throws on anything else. */
export function wireAmount(text: string): Amount {
  const isNegative = text.startsWith("-");
  const amount = parseAmount(isNegative ? text.slice(1) : text);
  if (amount === null) throw new Error(`not a decimal: ${text}`);
  return isNegative ? -amount : amount;
}

/** Write an amount with exactly `decimals` decimals; what does not fit is cut off towards zero. */
export function formatAmount(amount: Amount, decimals: number = DECIMALS): string {
  const sign = amount < 0n ? "-" : "";
  const magnitude = amount < 0n ? -amount : amount;
  const whole = (magnitude / ONE).toString();
  if (decimals === 0) return sign + whole;
  const fraction = (magnitude % ONE).toString().padStart(DECIMALS, "0").slice(0, decimals);
  return `${sign}${whole}.${fraction}`;
}

/** Write an amount with at least `decimals` decimals and no needless zeros after that. */
export function trimAmount(amount: Amount, decimals = 0): string {
  const [whole, fraction = ""] = formatAmount(amount).split(".");
  const kept = fraction.replace(/0+$/, "").padEnd(decimals, "0");
  return kept === "" ? (whole ?? "0") : `${whole ?? "0"}.${kept}`;
}

/** Put separators between thousands, for reading only. */
export function grouped(text: string): string {
  const [whole = "", fraction] = text.split(".");
  const spaced = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  return fraction === undefined ? spaced : `${spaced}.${fraction}`;
}

/** Say how many decimals a tick or step uses: 0.01000000 uses two. */
export function decimalsOf(step: Amount): number {
  let decimals = DECIMALS;
  for (let rest = step; decimals > 0 && rest % 10n === 0n; rest /= 10n) decimals -= 1;
  return decimals;
}

/** Multiply, cut off towards zero. */
export function multiply(left: Amount, right: Amount): Amount {
  return (left * right) / ONE;
}

/** Divide, cut off towards zero. Dividing by zero gives zero: there is no price yet. */
export function divide(dividend: Amount, divisor: Amount): Amount {
  return divisor === 0n ? 0n : (dividend * ONE) / divisor;
}

/** Take the largest multiple of `step` that is not above the amount. A zero step means any amount. */
export function floorTo(amount: Amount, step: Amount): Amount {
  return step === 0n ? amount : amount - (amount % step);
}

/** Take the smallest multiple of `step` that is not below the amount. */
export function ceilTo(amount: Amount, step: Amount): Amount {
  return step === 0n || amount % step === 0n ? amount : floorTo(amount, step) + step;
}

/** Say the change from `open` to `last` in percent with two decimals, without a sign. */
export function percentChange(open: Amount, last: Amount): string {
  if (open === 0n) return "0.00";
  const change = last > open ? last - open : open - last;
  return formatAmount((change * 100n * ONE) / open, 2);
}

/** Shorten a large amount for a table: 1,234,567 becomes 1.23M. */
export function compact(amount: Amount): string {
  for (const [scale, suffix] of [[1_000_000_000n, "B"], [1_000_000n, "M"], [1_000n, "K"]] as const) {
    if (amount >= scale * ONE) return formatAmount(amount / scale, 2) + suffix;
  }
  return formatAmount(amount, 2);
}
