//! The order book of one instrument: price levels of open orders in arrival order.

use std::collections::BTreeMap;

use openbourse_book as ladder;

use crate::open::OpenOrders;
use crate::orders::{Order, crosses};
use crate::words::Side;

/// A level as it stands.
#[derive(Clone, Copy)]
pub struct Level {
    /// What its orders show together.
    pub total: i128,
    /// What its icebergs do not show.
    pub hidden: i128,
    id: ladder::LevelId,
}

/// A level's total as it was before the command in hand changed it, and by how much what remains there has changed.
#[derive(Clone)]
struct TouchedLevel {
    side: Side,
    price: i64,
    level: ladder::LevelId,
    before: i128,
    remaining: i128,
}

#[derive(Clone, Default)]
pub struct Book {
    pub ladder: ladder::Book<u32>,
    /// What icebergs do not show, by level; only where there is such a thing.
    hidden: BTreeMap<(Side, i64), i128>,
    touched: Vec<TouchedLevel>,
}

#[inline]
pub fn side_of(side: Side) -> ladder::Side {
    match side {
        Side::Buy => ladder::Side::Buy,
        Side::Sell => ladder::Side::Sell,
    }
}

impl Book {
    /// The slot of the order that trades next on `side`.
    #[inline]
    pub fn best(&self, side: Side) -> Option<u32> {
        self.ladder.best(side_of(side)).map(|place| *self.ladder.payload(place))
    }

    #[inline]
    pub fn best_price(&self, side: Side) -> Option<i64> {
        self.ladder.best_price(side_of(side))
    }

    /// The price of a level counted from the best, which is number 0.
    pub fn price_at(&self, side: Side, number: usize) -> Option<i64> {
        self.ladder.levels(side_of(side)).nth(number).map(|level| self.ladder.level_price(level))
    }

    pub fn is_crossed(&self) -> bool {
        match (self.best_price(Side::Buy), self.best_price(Side::Sell)) {
            (Some(bid), Some(ask)) => bid >= ask,
            _ => false,
        }
    }

    #[inline]
    fn hidden_at(&self, side: Side, price: i64) -> i128 {
        if self.hidden.is_empty() { 0 } else { self.hidden.get(&(side, price)).copied().unwrap_or(0) }
    }

    #[inline(always)]
    fn hide(&mut self, side: Side, price: i64, change: i128) {
        if change != 0 {
            self.hide_more(side, price, change);
        }
    }

    #[cold]
    fn hide_more(&mut self, side: Side, price: i64, change: i128) {
        let hidden = self.hidden.entry((side, price)).or_default();
        *hidden += change;
        if *hidden == 0 {
            self.hidden.remove(&(side, price));
        }
    }

    /// The levels of a side from the best, each with its price.
    pub fn levels_from_best(&self, side: Side) -> impl Iterator<Item = (i64, Level)> {
        self.ladder.levels(side_of(side)).map(move |id| {
            let price = self.ladder.level_price(id);
            (price, Level { total: self.ladder.total(id), hidden: self.hidden_at(side, price), id })
        })
    }

    /// The slots of a level in arrival order.
    pub fn slots_of(&self, level: &Level) -> impl Iterator<Item = u32> {
        self.ladder.orders_in(level.id).map(|place| *self.ladder.payload(place))
    }

    /// The orders of a side in the order in which they would trade.
    pub fn orders<'a>(&'a self, open: &'a OpenOrders, side: Side) -> impl Iterator<Item = &'a Order> {
        self.ladder.orders(side_of(side)).map(move |place| open.order(*self.ladder.payload(place)))
    }

    /// Put an order at the end of its level.
    #[inline(always)]
    pub fn join(&mut self, open: &mut OpenOrders, slot: u32) {
        let order = open.order(slot);
        let (side, price, shown, remaining) = (order.side, order.price, order.visible(), order.remaining());
        let place = self.ladder.insert(side_of(side), price, shown, slot);
        open.set_place(slot, place);
        let level = self.ladder.level(place);
        let before = self.ladder.total(level) - i128::from(shown);
        self.touch(side, price, level, before, remaining);
        self.hide(side, price, i128::from(remaining - shown));
    }

    #[inline(always)]
    fn touch(&mut self, side: Side, price: i64, level: ladder::LevelId, before: i128, remaining: i64) {
        // Only the first note of a level counts; a run of fills in one level needs one.
        match self.touched.last_mut() {
            Some(noted) if noted.side == side && noted.price == price => noted.remaining += i128::from(remaining),
            _ => self.touched.push(TouchedLevel { side, price, level, before, remaining: i128::from(remaining) }),
        }
    }

    /// Note a level before it changes; answers where the order stands in it.
    #[inline]
    fn touch_order(&mut self, open: &OpenOrders, slot: u32, remaining: i64) -> ladder::Slot {
        let order = open.order(slot);
        let (side, price, place) = (order.side, order.price, open.place(slot));
        let level = self.ladder.level(place);
        self.touch(side, price, level, self.ladder.total(level), remaining);
        place
    }

    /// Take off the book what has left an order's remaining quantity, and the order too when nothing remains.
    ///
    /// The order's own numbers have been changed already; `quantity` is by how much its remaining fell. An iceberg
    /// shows its next part when the one before is used up, from the end of the level unless it `keeps_place`.
    #[inline]
    pub fn reduce(&mut self, open: &mut OpenOrders, slot: u32, quantity: i64, keeps_place: bool) {
        let place = self.touch_order(open, slot, -quantity);
        let order = open.order(slot);
        if order.iceberg() == 0 {
            self.ladder.reduce(place, quantity);
            return;
        }
        let (side, price, remaining) = (order.side, order.price, order.remaining());
        let extra = open.order_mut(slot).extra_mut();
        let hidden_before = remaining + quantity - extra.visible;
        extra.visible -= quantity.min(extra.visible);
        let is_used_up = extra.visible == 0 && remaining > 0;
        if is_used_up {
            extra.visible = extra.iceberg.min(remaining);
        }
        let shown = extra.visible;
        self.hide(side, price, i128::from(remaining - shown) - i128::from(hidden_before));
        if remaining == 0 {
            self.ladder.remove(place);
        } else if is_used_up && !keeps_place {
            self.ladder.requeue(place, shown);
        } else {
            self.ladder.resize(place, shown);
        }
    }

    /// As [`Self::reduce`] for a quantity given up from the end: what is shown is the last to go.
    pub fn shorten(&mut self, open: &mut OpenOrders, slot: u32, quantity: i64) {
        let place = self.touch_order(open, slot, -quantity);
        let order = open.order(slot);
        let (side, price, remaining) = (order.side, order.price, order.remaining());
        let mut shown = quantity;
        if order.iceberg() > 0 {
            let extra = open.order_mut(slot).extra_mut();
            shown = (extra.visible - remaining).max(0);
            extra.visible -= shown;
        }
        self.hide(side, price, i128::from(shown) - i128::from(quantity));
        self.ladder.reduce(place, shown);
    }

    /// Take an order off the book with all that remains of it.
    #[inline(always)]
    pub fn leave(&mut self, open: &mut OpenOrders, slot: u32) {
        let order = open.order(slot);
        let (side, price, remaining) = (order.side, order.price, order.remaining());
        let hidden = remaining - order.visible();
        let place = open.place(slot);
        let level = self.ladder.level(place);
        self.touch(side, price, level, self.ladder.total(level), -remaining);
        self.ladder.remove(place);
        self.hide(side, price, -i128::from(hidden));
    }

    /// Bring the notes of touched levels into the order of reports, one a level.
    #[inline]
    fn settle_notes(&mut self) {
        if self.touched.len() < 2 {
            return;
        }
        if let [one, other] = &mut self.touched[..] {
            // What a replaced order leaves and where the new one comes: the usual case.
            let (first, second) = ((one.side, one.price), (other.side, other.price));
            if first > second {
                std::mem::swap(one, other);
            }
            if first != second {
                return;
            }
        }
        // Stable: among notes of one level the first, which has the total from before the command, stays first.
        self.touched.sort_by_key(|noted| (noted.side, noted.price));
        self.touched.dedup_by(|later, first| {
            let is_same = later.side == first.side && later.price == first.price;
            if is_same {
                first.remaining += later.remaining;
            }
            is_same
        });
    }

    /// Whether at some price another quantity remains than before the command, hidden parts included.
    pub fn has_other_remaining(&mut self) -> bool {
        self.settle_notes();
        self.touched.iter().any(|noted| noted.remaining != 0)
    }

    /// Hand over every level that differs from before the command, by side and price, with its total (0: gone).
    #[inline]
    pub fn take_changes(&mut self, mut report: impl FnMut(Side, i64, i128)) {
        self.settle_notes();
        for noted in &self.touched {
            let total = self.ladder.total_if(noted.level, side_of(noted.side), noted.price);
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

    /// Whether an order at a limit price would meet another.
    #[inline]
    pub fn would_trade(&self, side: Side, price: i64) -> bool {
        self.best_price(side.opposite()).is_some_and(|best| price == 0 || crosses(side, price, best))
    }
}
