//! The order book of one instrument: price levels of open orders in arrival order.

use std::collections::BTreeMap;

use crate::open::{Links, NIL, OpenOrders};
use crate::orders::Order;
use crate::words::Side;

#[derive(Clone)]
pub struct Level {
    /// What its orders show together.
    pub total: i128,
    /// What its icebergs do not show.
    pub hidden: i128,
    head: u32,
    tail: u32,
}

/// A level's sums as they were before the command in hand changed it.
#[derive(Clone)]
struct TouchedLevel {
    side: Side,
    price: i64,
    before: i128,
    hidden_before: i128,
}

#[derive(Clone, Default)]
pub struct Book {
    /// By rank (see [`rank`]), so that the best level is the first on either side.
    bids: BTreeMap<i64, Level>,
    asks: BTreeMap<i64, Level>,
    touched: Vec<TouchedLevel>,
}

/// The key of a price on its side: ascending from the best. It is its own inverse.
#[inline]
fn rank(side: Side, price: i64) -> i64 {
    match side {
        Side::Buy => -price,
        Side::Sell => price,
    }
}

impl Book {
    #[inline]
    fn levels(&self, side: Side) -> &BTreeMap<i64, Level> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    #[inline]
    fn levels_mut(&mut self, side: Side) -> &mut BTreeMap<i64, Level> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// The slot of the order that trades next on `side`.
    #[inline]
    pub fn best(&self, side: Side) -> Option<u32> {
        self.levels(side).first_key_value().map(|(_, level)| level.head)
    }

    pub fn best_price(&self, side: Side) -> Option<i64> {
        self.levels(side).first_key_value().map(|(key, _)| rank(side, *key))
    }

    /// The price of a level counted from the best, which is number 0.
    pub fn price_at(&self, side: Side, number: usize) -> Option<i64> {
        self.levels(side).keys().nth(number).map(|key| rank(side, *key))
    }

    pub fn is_crossed(&self) -> bool {
        match (self.best_price(Side::Buy), self.best_price(Side::Sell)) {
            (Some(bid), Some(ask)) => bid >= ask,
            _ => false,
        }
    }

    /// The levels of a side from the best, each with its price.
    pub fn levels_from_best(&self, side: Side) -> impl Iterator<Item = (i64, &Level)> {
        self.levels(side).iter().map(move |(key, level)| (rank(side, *key), level))
    }

    /// The slots of a level in arrival order.
    pub fn slots_of(&self, open: &OpenOrders, level: &Level) -> impl Iterator<Item = u32> {
        let mut at = level.head;
        std::iter::from_fn(move || {
            let slot = at;
            if slot == NIL {
                return None;
            }
            at = open.links(slot).next;
            Some(slot)
        })
    }

    /// The orders of a side in the order in which they would trade.
    pub fn orders<'a>(&'a self, open: &'a OpenOrders, side: Side) -> impl Iterator<Item = &'a Order> {
        let slots = self.levels(side).values().flat_map(move |level| self.slots_of(open, level));
        slots.map(move |slot| open.order(slot))
    }

    /// Put an order at the end of its level.
    pub fn join(&mut self, open: &mut OpenOrders, slot: u32) {
        let order = open.order(slot);
        let (side, price, shown) = (order.side, order.price, order.visible());
        let hidden = order.remaining() - shown;
        let none = Level { total: 0, hidden: 0, head: NIL, tail: NIL };
        let level = self.levels_mut(side).entry(rank(side, price)).or_insert(none);
        let (before, hidden_before) = (level.total, level.hidden);
        level.total += i128::from(shown);
        level.hidden += i128::from(hidden);
        append(level, open, slot);
        self.touch(side, price, before, hidden_before);
    }

    #[inline]
    fn touch(&mut self, side: Side, price: i64, before: i128, hidden_before: i128) {
        // Only the first note of a level counts; a run of fills in one level needs one.
        if self.touched.last().is_none_or(|noted| noted.side != side || noted.price != price) {
            self.touched.push(TouchedLevel { side, price, before, hidden_before });
        }
    }

    /// Take off the book what has left an order's remaining quantity, and the order too when nothing remains.
    ///
    /// The order's own numbers have been changed already; `quantity` is by how much its remaining fell. An iceberg
    /// shows its next part when the one before is used up, from the end of the level unless it `keeps_place`.
    #[inline]
    pub fn reduce(&mut self, open: &mut OpenOrders, slot: u32, quantity: i64, keeps_place: bool) {
        let order = open.order(slot);
        let (side, price, remaining) = (order.side, order.price, order.remaining());
        if order.iceberg() == 0 {
            self.shrink(open, (side, price), -i128::from(quantity), 0, (remaining == 0).then_some(slot));
            return;
        }
        let extra = open.order_mut(slot).extra_mut();
        let shown = quantity.min(extra.visible);
        extra.visible -= shown;
        let is_used_up = extra.visible == 0 && remaining > 0;
        let refill = if is_used_up { extra.iceberg.min(remaining) } else { 0 };
        extra.visible += refill;
        let hidden = i128::from(quantity - shown) + i128::from(refill);
        let total = i128::from(refill) - i128::from(shown);
        self.shrink(open, (side, price), total, -hidden, (remaining == 0).then_some(slot));
        if is_used_up && !keeps_place {
            self.requeue(open, slot);
        }
    }

    /// As [`Self::reduce`] for a quantity given up from the end: what is shown is the last to go.
    pub fn shorten(&mut self, open: &mut OpenOrders, slot: u32, quantity: i64) {
        let order = open.order(slot);
        let (side, price, remaining) = (order.side, order.price, order.remaining());
        let mut shown = quantity;
        if order.iceberg() > 0 {
            let extra = open.order_mut(slot).extra_mut();
            shown = (extra.visible - remaining).max(0);
            extra.visible -= shown;
        }
        let hidden = i128::from(shown) - i128::from(quantity);
        self.shrink(open, (side, price), -i128::from(shown), hidden, (remaining == 0).then_some(slot));
    }

    /// Take an order off the book with all that remains of it.
    pub fn leave(&mut self, open: &mut OpenOrders, slot: u32) {
        let order = open.order(slot);
        let (side, price, shown) = (order.side, order.price, order.visible());
        let hidden = order.remaining() - shown;
        self.shrink(open, (side, price), -i128::from(shown), -i128::from(hidden), Some(slot));
    }

    /// Change a level's sums and unlink `leaving` from it.
    fn shrink(
        &mut self,
        open: &mut OpenOrders,
        (side, price): (Side, i64),
        total: i128,
        hidden: i128,
        leaving: Option<u32>,
    ) {
        let key = rank(side, price);
        let level = self.levels_mut(side).get_mut(&key).expect("a resting order's level exists");
        let (before, hidden_before) = (level.total, level.hidden);
        level.total += total;
        level.hidden += hidden;
        if let Some(slot) = leaving {
            unlink(level, open, slot);
            if level.head == NIL {
                self.levels_mut(side).remove(&key);
            }
        }
        self.touch(side, price, before, hidden_before);
    }

    /// Move an order to the end of its level.
    fn requeue(&mut self, open: &mut OpenOrders, slot: u32) {
        let order = open.order(slot);
        let key = rank(order.side, order.price);
        let level = self.levels_mut(order.side).get_mut(&key).expect("a resting order's level exists");
        unlink(level, open, slot);
        append(level, open, slot);
    }

    /// Bring the notes of touched levels into the order of reports, one a level.
    fn settle_notes(&mut self) {
        // Stable: among notes of one level the first, which has the sums from before the command, stays first.
        self.touched.sort_by_key(|noted| (noted.side, noted.price));
        self.touched.dedup_by_key(|noted| (noted.side, noted.price));
    }

    /// Whether at some price another quantity remains than before the command, hidden parts included.
    pub fn has_other_remaining(&mut self) -> bool {
        self.settle_notes();
        self.touched.iter().any(|noted| {
            let level = self.levels(noted.side).get(&rank(noted.side, noted.price));
            level.map_or(0, |level| level.total + level.hidden) != noted.before + noted.hidden_before
        })
    }

    /// Hand over every level that differs from before the command, by side and price, with its total (0: gone).
    pub fn take_changes(&mut self, mut report: impl FnMut(Side, i64, i128)) {
        self.settle_notes();
        for noted in &self.touched {
            let level = self.levels(noted.side).get(&rank(noted.side, noted.price));
            let total = level.map_or(0, |level| level.total);
            if total != noted.before {
                report(noted.side, noted.price, total);
            }
        }
        self.touched.clear();
    }

    /// Forget which levels were touched, as after a restore.
    pub fn forget_changes(&mut self) {
        self.touched.clear();
    }
}

fn append(level: &mut Level, open: &mut OpenOrders, slot: u32) {
    let previous = std::mem::replace(&mut level.tail, slot);
    *open.links_mut(slot) = Links { previous, next: NIL };
    if previous == NIL {
        level.head = slot;
    } else {
        open.links_mut(previous).next = slot;
    }
}

fn unlink(level: &mut Level, open: &mut OpenOrders, slot: u32) {
    let Links { previous, next } = open.links(slot);
    if previous == NIL {
        level.head = next;
    } else {
        open.links_mut(previous).next = next;
    }
    if next == NIL {
        level.tail = previous;
    } else {
        open.links_mut(next).previous = previous;
    }
}
