//! The book against a model of a few lines, through random calls; every link is audited after each.

use std::collections::{BTreeMap, VecDeque};

use openbourse_book::{Book, DenseIndex, Side, Slot};

/// A small generator with a seed that a failure prints.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 11) % bound
    }
}

#[derive(Default)]
struct Model {
    /// By side and key, the best first: (id, quantity) in arrival order.
    levels: [BTreeMap<i128, VecDeque<(u64, i64)>>; 2],
}

fn rank(side: Side, price: i64) -> i128 {
    match side {
        Side::Buy => -i128::from(price),
        Side::Sell => i128::from(price),
    }
}

/// Where prices come from: each a domain that a book has to be good at.
#[derive(Clone, Copy, Debug)]
enum Prices {
    OneLevel,
    Narrow,
    Ticks,
    Wide,
    Anything,
    Edges,
}

impl Prices {
    fn draw(self, chance: &mut Chance) -> i64 {
        match self {
            Prices::OneLevel => 100,
            Prices::Narrow => 1_000 + chance.below(40).cast_signed(),
            Prices::Ticks => (30_000 + chance.below(900).cast_signed()) * 1_000_000,
            Prices::Wide => chance.below(200_000).cast_signed() - 100_000,
            Prices::Anything => chance.next().cast_signed() >> chance.below(64),
            Prices::Edges => {
                [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX][usize::try_from(chance.below(7)).unwrap()]
            }
        }
    }
}

struct Twin {
    book: Book<u64>,
    model: Model,
    open: Vec<(u64, Side, i64, Slot)>,
    index: DenseIndex,
    last: u64,
}

impl Twin {
    fn insert(&mut self, side: Side, price: i64, quantity: i64) {
        self.last += 1;
        let slot = self.book.insert(side, price, quantity, self.last);
        self.model.levels[side as usize].entry(rank(side, price)).or_default().push_back((self.last, quantity));
        self.index.insert(self.last, slot);
        self.open.push((self.last, side, price, slot));
    }

    fn forget(&mut self, place: usize) {
        let (id, side, price, slot) = self.open.swap_remove(place);
        let levels = &mut self.model.levels[side as usize];
        let queue = levels.get_mut(&rank(side, price)).unwrap();
        queue.retain(|order| order.0 != id);
        if queue.is_empty() {
            levels.remove(&rank(side, price));
        }
        assert_eq!(self.index.remove(id), Some(slot));
        assert_eq!(self.index.get(id), None);
    }

    fn change(&mut self, prices: Prices, chance: &mut Chance) {
        let place = usize::try_from(chance.below(self.open.len() as u64)).unwrap();
        let (id, side, price, slot) = self.open[place];
        assert_eq!(self.index.get(id), Some(slot));
        assert_eq!((self.book.side(slot), self.book.price(slot), *self.book.payload(slot)), (side, price, id));
        let quantity = self.book.quantity(slot);
        let queue = self.model.levels[side as usize].get_mut(&rank(side, price)).unwrap();
        let order = queue.iter_mut().find(|order| order.0 == id).unwrap();
        assert_eq!(order.1, quantity);
        match chance.below(5) {
            0 | 1 => {
                assert_eq!(*self.book.remove(slot), id);
                self.forget(place);
            }
            2 => {
                let by = 1 + chance.below(quantity.cast_unsigned()).cast_signed();
                order.1 -= by;
                assert_eq!(self.book.reduce(slot, by), by == quantity);
                if by == quantity {
                    self.forget(place);
                }
            }
            3 => {
                let moved = prices.draw(chance);
                let fresh = 1 + chance.below(100).cast_signed();
                self.book.reprice(slot, moved, fresh);
                self.forget(place);
                self.index.insert(id, slot);
                self.open.push((id, side, moved, slot));
                self.model.levels[side as usize].entry(rank(side, moved)).or_default().push_back((id, fresh));
            }
            _ => {
                let fresh = 1 + chance.below(100).cast_signed();
                queue.retain(|order| order.0 != id);
                queue.push_back((id, fresh));
                self.book.requeue(slot, fresh);
            }
        }
    }

    fn compare(&self) {
        self.book.audit();
        for side in Side::BOTH {
            let levels = &self.model.levels[side as usize];
            let found: Vec<_> = self.book.levels(side).collect();
            assert_eq!(found.len(), levels.len());
            for (at, (level, (key, queue))) in found.iter().zip(levels).enumerate() {
                let price = self.book.level_price(*level);
                assert_eq!(rank(side, price), *key);
                let total: i128 = queue.iter().map(|order| i128::from(order.1)).sum();
                assert_eq!((self.book.total(*level), self.book.total_at(side, price)), (total, total));
                assert_eq!(self.book.worse(*level), found.get(at + 1).copied());
                assert_eq!(self.book.better(*level), at.checked_sub(1).map(|at| found[at]));
                assert_eq!(self.book.level_at(side, price), Some(*level));
                let orders = self.book.orders_in(*level);
                assert!(
                    orders.map(|slot| (*self.book.payload(slot), self.book.quantity(slot))).eq(queue.iter().copied())
                );
            }
            let best = found.first().map(|level| self.book.level_price(*level));
            assert_eq!(self.book.best_price(side), best);
            assert_eq!(self.book.best(side), self.book.orders(side).next());
            if let Some(best) = best {
                let (beyond, short) = match side {
                    Side::Buy => (best.checked_sub(1), best.checked_add(1)),
                    Side::Sell => (best.checked_add(1), best.checked_sub(1)),
                };
                assert_eq!(self.book.best_within(side, best), self.book.best(side));
                assert!(beyond.is_none_or(|price| self.book.best_within(side, price) == self.book.best(side)));
                assert!(short.is_none_or(|price| self.book.best_within(side, price).is_none()));
            } else {
                assert_eq!(self.book.best_within(side, i64::MAX), None);
                assert_eq!(self.book.best_within(side, i64::MIN), None);
            }
        }
    }
}

fn run(prices: Prices, seed: u64, steps: usize, most: usize) {
    println!("prices {prices:?}, seed {seed}");
    let mut chance = Chance(seed);
    let book = if seed.is_multiple_of(2) { Book::new() } else { Book::with_capacity(64, 16) };
    let mut twin = Twin { book, model: Model::default(), open: Vec::new(), index: DenseIndex::new(), last: 0 };
    let mut growing = true;
    for _ in 0..steps {
        // The book breathes: it fills up to `most`, empties, and fills again out of used slots.
        growing = if growing { twin.open.len() < most } else { twin.open.is_empty() };
        if twin.open.is_empty() || chance.below(10) < if growing { 7 } else { 2 } {
            let side = Side::BOTH[usize::from(chance.below(2) == 0)];
            let (price, quantity) = (prices.draw(&mut chance), 1 + chance.below(100).cast_signed());
            twin.insert(side, price, quantity);
        } else {
            twin.change(prices, &mut chance);
        }
        twin.compare();
    }
    assert_eq!(twin.index.pages_in_use() == 0, twin.open.is_empty());
}

#[test]
fn the_book_is_the_model_in_every_domain_of_prices() {
    let domains = [Prices::OneLevel, Prices::Narrow, Prices::Ticks, Prices::Wide, Prices::Anything, Prices::Edges];
    for prices in domains {
        for seed in 1..=6 {
            run(prices, seed, 2_000, 60);
        }
        run(prices, 7, 3_000, 500);
    }
}

#[test]
fn totals_pass_what_one_quantity_can_be() {
    let mut book: Book<()> = Book::new();
    for _ in 0..3 {
        book.insert(Side::Sell, 5, i64::MAX, ());
    }
    assert_eq!(book.total_at(Side::Sell, 5), 3 * i128::from(i64::MAX));
    book.audit();
}

#[test]
fn a_deep_sweep_visits_levels_in_order_and_frees_them() {
    let mut book: Book<u32, u64> = Book::new();
    let mut chance = Chance(9);
    let mut prices: Vec<i64> = (0..50_000).map(|_| chance.next().cast_signed() >> 20).collect();
    for price in &prices {
        book.insert(Side::Buy, *price, 1, 0);
    }
    book.audit();
    prices.sort_unstable();
    while let Some(price) = prices.pop() {
        assert_eq!(book.best_price(Side::Buy), Some(price));
        let best = book.best(Side::Buy).unwrap();
        assert!(book.reduce(best, 1));
    }
    book.audit();
    assert_eq!((book.len(), book.level_count()), (0, 0));
}

#[test]
#[should_panic(expected = "an order gives at most what it has")]
fn an_order_gives_at_most_what_it_has() {
    let mut book: Book<()> = Book::new();
    let slot = book.insert(Side::Buy, 1, 5, ());
    book.reduce(slot, 6);
}

#[test]
#[should_panic]
fn a_slot_is_removed_once() {
    let mut book: Book<()> = Book::new();
    let slot = book.insert(Side::Buy, 1, 5, ());
    book.insert(Side::Buy, 1, 5, ());
    book.remove(slot);
    book.remove(slot);
}

#[test]
fn ids_far_beyond_all_others_are_found_too() {
    let mut book: Book<()> = Book::new();
    let slot = book.insert(Side::Buy, 1, 5, ());
    let mut index = DenseIndex::with_capacity(10_000);
    let ids = [0, 1, 1_023, 1_024, 5_000_000, 1 << 40, u64::MAX - 1, u64::MAX];
    for id in ids {
        assert_eq!((index.get(id), index.remove(id)), (None, None));
        index.insert(id, slot);
    }
    assert_eq!(index.pages_in_use(), 3);
    for id in ids {
        assert_eq!(index.get(id), Some(slot));
        assert_eq!(index.get(id.wrapping_add(7)), None);
    }
    for id in ids {
        assert_eq!((index.remove(id), index.get(id)), (Some(slot), None));
    }
    assert_eq!(index.pages_in_use(), 0);
}

#[test]
#[should_panic(expected = "an id is given once")]
fn an_id_has_one_slot() {
    let mut book: Book<()> = Book::new();
    let slot = book.insert(Side::Buy, 1, 5, ());
    let mut index = DenseIndex::new();
    index.insert(3, slot);
    index.insert(3, slot);
}

#[test]
fn what_was_released_may_be_answered_until_another_is_put_there() {
    let mut book: Book<()> = Book::new();
    let slots: Vec<Slot> = (0..3_000).map(|_| book.insert(Side::Buy, 1, 5, ())).collect();
    let mut index = DenseIndex::new();
    let far = 1 << 40;
    index.put(far, slots[0]);
    for round in 0..3_u64 {
        // Pages are used again for other ids with what stood in them.
        let ids = |number: usize| round * 3_000 + number as u64;
        for (number, slot) in slots.iter().enumerate() {
            index.put(ids(number), *slot);
        }
        for (number, slot) in slots.iter().enumerate() {
            assert_eq!(index.get(ids(number)), Some(*slot));
        }
        (0..3_000).for_each(|number| index.release(ids(number)));
        assert_eq!(index.pages_in_use(), 0);
    }
    assert_eq!(index.get(far), Some(slots[0]));
    index.release(far);
    index.release(far);
    assert_eq!(index.get(far), None);
}
