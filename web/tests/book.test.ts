import { describe, expect, test } from "vitest";
import { multiply, trimAmount, wireAmount } from "../src/amounts";
import type { WireDepth, WireDepthUpdate } from "../src/api/wire";
import { Book, costOf, joinLevels, type Level } from "../src/market/book";

const SNAPSHOT: WireDepth = {
  lastUpdateId: 100,
  bids: [["99.00", "1.00000000"], ["98.50", "2.00000000"]],
  asks: [["100.00", "3.00000000"], ["101.00", "4.00000000"]],
};

function opened(): Book {
  const book = new Book();
  book.restore(SNAPSHOT);
  return book;
}

function update(U: number, u: number, b: WireDepthUpdate["b"] = [], a: WireDepthUpdate["a"] = []): WireDepthUpdate {
  return { U, u, b, a };
}

function texts(levels: readonly Level[]): string[] {
  return levels.map(({ price, quantity }) => `${trimAmount(quantity)}@${trimAmount(price)}`);
}

describe("the book", () => {
  test("sets, changes and deletes levels, best price first", () => {
    const book = opened();
    const fit = book.apply(
      update(101, 103, [["98.75", "5.00000000"], ["99.00", "0.00000000"]], [["99.50", "1.00000000"], ["100.00", "9.00000000"]]),
    );
    expect(fit).toBe("applied");
    expect(texts(book.bids)).toEqual(["5@98.75", "2@98.5"]);
    expect(texts(book.asks)).toEqual(["1@99.5", "9@100", "4@101"]);
    expect(book.lastUpdateId).toBe(103);
  });

  test("ignores what the snapshot already holds", () => {
    const book = opened();
    expect(book.apply(update(90, 100, [["99.00", "0.00000000"]]))).toBe("stale");
    expect(texts(book.bids)).toEqual(["1@99", "2@98.5"]);
  });

  test("takes a first update that overlaps the snapshot", () => {
    expect(opened().apply(update(95, 101))).toBe("applied");
  });

  test("refuses an update after a gap and changes nothing", () => {
    const book = opened();
    expect(book.apply(update(102, 105, [["99.00", "0.00000000"]]))).toBe("gap");
    expect(texts(book.bids)).toEqual(["1@99", "2@98.5"]);
    expect(book.lastUpdateId).toBe(100);
  });

  test("lets a level be deleted that is not known", () => {
    const book = opened();
    expect(book.apply(update(101, 101, [["50.00", "0.00000000"]]))).toBe("applied");
    expect(book.bids).toHaveLength(2);
  });

  test("starts over from a new snapshot", () => {
    const book = opened();
    book.restore({ lastUpdateId: 7, bids: [], asks: [["5.00", "1.00000000"]] });
    expect(texts(book.bids)).toEqual([]);
    expect(texts(book.asks)).toEqual(["1@5"]);
    expect(book.lastUpdateId).toBe(7);
  });
});

describe("joined levels", () => {
  test("never look better than they are", () => {
    const book = opened();
    book.apply(update(101, 101, [["99.40", "1.00000000"]], [["100.60", "1.00000000"]]));
    expect(texts(joinLevels(book.bids, wireAmount("1"), true, 5))).toEqual(["2@99", "2@98"]);
    expect(texts(joinLevels(book.asks, wireAmount("1"), false, 5))).toEqual(["3@100", "5@101"]);
    expect(joinLevels(book.asks, wireAmount("1"), false, 1)).toHaveLength(1);
  });

  test("leave the book's own levels alone", () => {
    const book = opened();
    joinLevels(book.asks, wireAmount("10"), false, 5);
    expect(texts(book.asks)).toEqual(["3@100", "4@101"]);
  });
});

test("a market order's cost walks the levels and is unknown beyond them", () => {
  const { asks } = opened();
  expect(costOf(asks, wireAmount("5"), multiply)).toBe(wireAmount("502"));
  expect(costOf(asks, wireAmount("8"), multiply)).toBeNull();
});
