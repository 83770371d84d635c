/**
 * The local order book, kept from a snapshot and the diffs after it.
 *
 * In:    depth snapshots and depth updates, in stream order.
 * Out:   sorted levels, and whether an update fitted.
 * Never: guesses over a gap; the feed fetches a new snapshot instead.
 */
import { type Amount, ceilTo, floorTo, wireAmount } from "../amounts";
import type { WireDepth, WireDepthUpdate, WireLevel } from "../api/wire";

export interface Level {
  price: Amount;
  quantity: Amount;
}

export type Fit = "applied" | "stale" | "gap";

/** One side of the book, best price first. */
class BookSide {
  levels: Level[] = [];

  constructor(private readonly isBetter: (left: Amount, right: Amount) => boolean) {}

  reset(levels: WireLevel[]): void {
    this.levels = [];
    for (const level of levels) this.set(level);
  }

  /** Put a level where it belongs; a zero quantity takes it away. */
  set([priceText, quantityText]: WireLevel): void {
    const price = wireAmount(priceText);
    const quantity = wireAmount(quantityText);
    const index = this.indexOf(price);
    const isKnown = this.levels[index]?.price === price;
    if (quantity === 0n) {
      if (isKnown) this.levels.splice(index, 1);
    } else if (isKnown) {
      this.levels[index] = { price, quantity };
    } else {
      this.levels.splice(index, 0, { price, quantity });
    }
  }

  /** Find the first level that is not better than the price. */
  private indexOf(price: Amount): number {
    let low = 0;
    let high = this.levels.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const level = this.levels[middle];
      if (level !== undefined && this.isBetter(level.price, price)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export class Book {
  private readonly bidSide = new BookSide((left, right) => left > right);
  private readonly askSide = new BookSide((left, right) => left < right);
  lastUpdateId = 0;

  get bids(): readonly Level[] {
    return this.bidSide.levels;
  }

  get asks(): readonly Level[] {
    return this.askSide.levels;
  }

  /** Start over from a snapshot. */
  restore(depth: WireDepth): void {
    this.bidSide.reset(depth.bids);
    this.askSide.reset(depth.asks);
    this.lastUpdateId = depth.lastUpdateId;
  }

  /** Apply an update if it continues this book; say "stale" if the book has it already and "gap" if one is missing. */
  apply(update: WireDepthUpdate): Fit {
    if (update.u <= this.lastUpdateId) return "stale";
    if (update.U > this.lastUpdateId + 1) return "gap";
    for (const level of update.b) this.bidSide.set(level);
    for (const level of update.a) this.askSide.set(level);
    this.lastUpdateId = update.u;
    return "applied";
  }
}

/** Join levels into steps of `step`: bids round down and asks round up, so that no price looks better than it is. */
export function joinLevels(levels: readonly Level[], step: Amount, isBid: boolean, count: number): Level[] {
  const joined: Level[] = [];
  for (const { price, quantity } of levels) {
    const place = isBid ? floorTo(price, step) : ceilTo(price, step);
    const last = joined.at(-1);
    if (last?.price === place) {
      last.quantity += quantity;
    } else {
      if (joined.length === count) break;
      joined.push({ price: place, quantity });
    }
  }
  return joined;
}

/** Say what a market order would pay or receive for the quantity, walking the levels. Null when they do not suffice. */
export function costOf(levels: readonly Level[], quantity: Amount, multiply: (a: Amount, b: Amount) => Amount): Amount | null {
  let rest = quantity;
  let cost = 0n;
  for (const level of levels) {
    const taken = rest < level.quantity ? rest : level.quantity;
    cost += multiply(level.price, taken);
    rest -= taken;
    if (rest === 0n) return cost;
  }
  return null;
}
