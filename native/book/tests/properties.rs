//! The book against the plainest model there is, as properties: what fails is shrunk to its shortest story.
//!
//! `PROPTEST_CASES=20000 PROPTEST_RNG_SEED=7 cargo test -p openbourse-book --test properties` looks further.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

use openbourse_book::{Book, DenseIndex, Side, Slot};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// The same cases every time unless a seed is given; a failure prints its story, so no file keeps it.
fn config() -> ProptestConfig {
    let given = ProptestConfig::default();
    let rng_seed = if given.rng_seed == RngSeed::Random { RngSeed::Fixed(1) } else { given.rng_seed };
    ProptestConfig { rng_seed, failure_persistence: None, ..given }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Add {
        side: Side,
        price: i64,
        quantity: i64,
    },
    Cancel {
        place: usize,
    },
    Reduce {
        place: usize,
        by: i64,
    },
    Resize {
        place: usize,
        quantity: i64,
    },
    /// To another price, or to the end of its level.
    Modify {
        place: usize,
        price: Option<i64>,
        quantity: i64,
    },
    /// A taker of the other side: the best first, as far as its limit goes.
    Match {
        taker: Side,
        limit: i64,
        quantity: i64,
    },
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

/// Few prices so that levels fill, neighbours on one branch, prices of another branch, and the ends of the range.
fn price() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => 0..4_i64,
        4 => 60..70_i64,
        2 => (0..900_i64).prop_map(|tick| (30_000 + tick) * 1_000_000),
        1 => any::<i64>(),
        1 => prop_oneof![Just(i64::MIN), Just(-1), Just(i64::MAX)],
    ]
}

fn quantity() -> impl Strategy<Value = i64> {
    prop_oneof![8 => 1..20_i64, 1 => 1..=i64::MAX / 4]
}

fn step() -> impl Strategy<Value = Step> {
    let place = || any::<usize>();
    prop_oneof![
        8 => (side(), price(), quantity()).prop_map(|(side, price, quantity)| Step::Add { side, price, quantity }),
        3 => place().prop_map(|place| Step::Cancel { place }),
        2 => (place(), quantity()).prop_map(|(place, by)| Step::Reduce { place, by }),
        1 => (place(), quantity()).prop_map(|(place, quantity)| Step::Resize { place, quantity }),
        2 => (place(), proptest::option::of(price()), quantity())
            .prop_map(|(place, price, quantity)| Step::Modify { place, price, quantity }),
        2 => (side(), price(), quantity()).prop_map(|(taker, limit, quantity)| Step::Match { taker, limit, quantity }),
    ]
}

/// Queues by price, and nothing clever.
#[derive(Default)]
struct Model {
    bids: BTreeMap<i64, VecDeque<(u64, i64)>>,
    asks: BTreeMap<i64, VecDeque<(u64, i64)>>,
}

impl Model {
    fn levels(&mut self, side: Side) -> &mut BTreeMap<i64, VecDeque<(u64, i64)>> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    fn push(&mut self, side: Side, price: i64, id: u64, quantity: i64) {
        self.levels(side).entry(price).or_default().push_back((id, quantity));
    }

    fn take(&mut self, side: Side, price: i64, id: u64) -> i64 {
        let levels = self.levels(side);
        let queue = levels.get_mut(&price).unwrap();
        let at = queue.iter().position(|order| order.0 == id).unwrap();
        let (_, quantity) = queue.remove(at).unwrap();
        if queue.is_empty() {
            levels.remove(&price);
        }
        quantity
    }

    fn set(&mut self, side: Side, price: i64, id: u64, quantity: i64) {
        let queue = self.levels(side).get_mut(&price).unwrap();
        queue.iter_mut().find(|order| order.0 == id).unwrap().1 = quantity;
    }

    /// Every order of a side as (price, id, quantity), the next to trade first.
    fn in_order(&self, side: Side) -> Vec<(i64, u64, i64)> {
        let told = |(price, queue): (&i64, &VecDeque<(u64, i64)>)| {
            queue.iter().map(|order| (*price, order.0, order.1)).collect::<Vec<_>>()
        };
        match side {
            Side::Buy => self.bids.iter().rev().flat_map(told).collect(),
            Side::Sell => self.asks.iter().flat_map(told).collect(),
        }
    }
}

fn reaches(taker: Side, limit: i64, price: i64) -> bool {
    if taker == Side::Buy { price <= limit } else { price >= limit }
}

struct Twin {
    book: Book<u64>,
    index: DenseIndex,
    model: Model,
    /// (id, side, price) of what rests, in no order that matters.
    open: Vec<(u64, Side, i64)>,
    last: u64,
}

impl Twin {
    fn slot(&self, id: u64) -> Slot {
        self.index.get(id).unwrap()
    }

    fn forget(&mut self, id: u64) {
        assert!(self.index.remove(id).is_some() && self.index.remove(id).is_none());
        self.open.retain(|order| order.0 != id);
    }

    fn picked(&self, place: usize) -> Option<(u64, Side, i64)> {
        (!self.open.is_empty()).then(|| self.open[place % self.open.len()])
    }

    fn add(&mut self, side: Side, price: i64, quantity: i64) {
        self.last += 1;
        let slot = self.book.insert(side, price, quantity, self.last);
        self.index.insert(self.last, slot);
        self.model.push(side, price, self.last, quantity);
        self.open.push((self.last, side, price));
    }

    fn reduce(&mut self, id: u64, side: Side, price: i64, by: i64) {
        let slot = self.slot(id);
        let left = self.book.quantity(slot) - by;
        assert_eq!(self.book.reduce(slot, by), left == 0);
        if left == 0 {
            self.model.take(side, price, id);
            self.forget(id);
        } else {
            self.model.set(side, price, id, left);
        }
    }

    fn modify(&mut self, place: usize, to: Option<i64>, quantity: i64) {
        let Some((id, side, price)) = self.picked(place) else { return };
        self.model.take(side, price, id);
        self.model.push(side, to.unwrap_or(price), id, quantity);
        match to {
            Some(to) => self.book.reprice(self.slot(id), to, quantity),
            None => self.book.requeue(self.slot(id), quantity),
        }
        let order = self.open.iter_mut().find(|order| order.0 == id).unwrap();
        order.2 = to.unwrap_or(price);
    }

    /// Match as an engine would: ask who is next within the limit, trade, and again.
    fn match_with(&mut self, taker: Side, limit: i64, mut quantity: i64) {
        let maker_side = taker.opposite();
        let mut expected = VecDeque::new();
        let mut left = quantity;
        for (price, id, resting) in self.model.in_order(maker_side) {
            if left == 0 || !reaches(taker, limit, price) {
                break;
            }
            let filled = left.min(resting);
            expected.push_back((price, id, filled));
            left -= filled;
        }
        while quantity > 0 {
            let Some(slot) = self.book.best_within(maker_side, limit) else { break };
            let (price, id) = (self.book.price(slot), *self.book.payload(slot));
            let filled = quantity.min(self.book.quantity(slot));
            assert_eq!(expected.pop_front(), Some((price, id, filled)));
            self.reduce(id, maker_side, price, filled);
            quantity -= filled;
        }
        assert!(expected.is_empty());
    }

    fn take_step(&mut self, step: Step) {
        match step {
            Step::Add { side, price, quantity } => self.add(side, price, quantity),
            Step::Cancel { place } => {
                let Some((id, side, price)) = self.picked(place) else { return };
                assert_eq!(*self.book.remove(self.slot(id)), id);
                self.model.take(side, price, id);
                self.forget(id);
            }
            Step::Reduce { place, by } => {
                let Some((id, side, price)) = self.picked(place) else { return };
                let by = 1 + (by - 1) % self.book.quantity(self.slot(id));
                self.reduce(id, side, price, by);
            }
            Step::Resize { place, quantity } => {
                let Some((id, side, price)) = self.picked(place) else { return };
                self.book.resize(self.slot(id), quantity);
                self.model.set(side, price, id, quantity);
            }
            Step::Modify { place, price, quantity } => self.modify(place, price, quantity),
            Step::Match { taker, limit, quantity } => self.match_with(taker, limit, quantity),
        }
    }

    fn compare(&self) {
        self.book.audit();
        assert_eq!(self.book.len(), self.open.len());
        for side in Side::BOTH {
            let found: Vec<_> = self
                .book
                .orders(side)
                .map(|slot| (self.book.price(slot), *self.book.payload(slot), self.book.quantity(slot)))
                .collect();
            let expected = self.model.in_order(side);
            assert_eq!(found, expected);
            assert_eq!(self.book.best_price(side), expected.first().map(|order| order.0));
            let mut totals: BTreeMap<i64, i128> = BTreeMap::new();
            for (price, _, quantity) in expected {
                *totals.entry(price).or_default() += i128::from(quantity);
            }
            assert!(totals.iter().all(|(price, total)| self.book.total_at(side, *price) == *total));
        }
        assert!(self.open.iter().all(|order| *self.book.payload(self.slot(order.0)) == order.0));
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_book_is_what_queues_by_price_are(
        room in prop_oneof![Just(None), (0..70_usize, 0..9_usize).prop_map(Some)],
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let book = room.map_or_else(Book::new, |(orders, levels)| Book::with_capacity(orders, levels));
        let mut twin = Twin { book, index: DenseIndex::new(), model: Model::default(), open: Vec::new(), last: 0 };
        for step in steps {
            twin.take_step(step);
            twin.compare();
        }
    }

    #[test]
    fn the_dense_index_is_a_map(
        ids in prop::collection::vec(
            prop_oneof![6 => 0..3_000_u64, 2 => 60_000_000..80_000_000_u64, 1 => any::<u64>()], 1..200),
        removals in prop::collection::vec(any::<usize>(), 0..200),
    ) {
        let mut index = DenseIndex::new();
        let mut model: BTreeMap<u64, Slot> = BTreeMap::new();
        let mut removals = removals.into_iter();
        for (number, id) in ids.into_iter().enumerate() {
            if let Entry::Vacant(place) = model.entry(id) {
                let slot = *place.insert(Slot::numbered(u32::try_from(number).unwrap()));
                index.insert(id, slot);
            }
            if number % 2 == 1 && let Some(place) = removals.next() {
                let gone = *model.keys().nth(place % model.len()).unwrap();
                prop_assert_eq!(index.remove(gone), model.remove(&gone));
                prop_assert_eq!(index.get(gone), None);
            }
            prop_assert_eq!(index.get(id), model.get(&id).copied());
        }
        for (id, slot) in &model {
            prop_assert_eq!(index.get(*id), Some(*slot));
            prop_assert_eq!(index.get(id ^ 1), model.get(&(id ^ 1)).copied());
        }
        for (id, slot) in model {
            prop_assert_eq!(index.remove(id), Some(slot));
        }
        prop_assert_eq!(index.pages_in_use(), 0);
    }
}
