//! What the waiting orders of one instrument wait for, nearest first.

use std::collections::BTreeSet;

use crate::orders::{Order, Place};
use crate::trailing::Trail;
use crate::words::Side;

#[derive(Clone)]
pub struct Triggers {
    /// (stop price, order): fire at prices from there upwards.
    rising: BTreeSet<(i64, u64)>,
    /// (stop price, order): fire at prices from there downwards.
    falling: BTreeSet<(i64, u64)>,
    buys: Trail,
    sells: Trail,
}

/// What a price set off.
pub enum Reached {
    /// Its stop price; a trailing order starts to follow there.
    Stop(u64),
    /// So far from its extreme.
    Trail { order: u64, extreme: i64 },
}

impl Default for Triggers {
    fn default() -> Self {
        let (rising, falling) = (BTreeSet::new(), BTreeSet::new());
        Self { rising, falling, buys: Trail::new(Side::Buy), sells: Trail::new(Side::Sell) }
    }
}

impl Triggers {
    fn trail(&mut self, side: Side) -> &mut Trail {
        match side {
            Side::Buy => &mut self.buys,
            Side::Sell => &mut self.sells,
        }
    }

    fn stops(&mut self, order: &Order) -> &mut BTreeSet<(i64, u64)> {
        if order.order_type.is_rising(order.side) { &mut self.rising } else { &mut self.falling }
    }

    /// Let an order wait.
    pub fn add(&mut self, order: &Order) {
        let Some(extra) = &order.extra else { return };
        if extra.trailing_us >= 0 {
            self.trail(order.side).add(order.id, extra.trailing_delta, extra.extreme);
        } else {
            self.stops(order).insert((extra.stop_price, order.id));
        }
    }

    /// Let an order wait no longer, if it still does.
    pub fn remove(&mut self, order: &Order) {
        let Some(extra) = &order.extra else { return };
        if extra.trailing_us >= 0 {
            self.trail(order.side).remove(order.id, extra.trailing_delta);
        } else {
            self.stops(order).remove(&(extra.stop_price, order.id));
        }
    }

    /// The best price since an order follows it; for one that waits no longer, as it was at the end.
    pub fn extreme_of(&self, order: &Order) -> i64 {
        let trail = if order.side == Side::Buy { &self.buys } else { &self.sells };
        let kept = order.extra.as_ref().map_or(0, |extra| extra.extreme);
        if order.place() == Place::Waiting { trail.extreme_of(order.id).unwrap_or(kept) } else { kept }
    }

    pub fn len(&self) -> usize {
        self.rising.len() + self.falling.len() + self.buys.len() + self.sells.len()
    }

    /// Whether a trade at this price sets nothing off and changes nothing.
    #[inline]
    pub fn are_idle_at(&self, price: i64) -> bool {
        self.rising.first().is_none_or(|(stop, _)| price < *stop)
            && self.falling.last().is_none_or(|(stop, _)| price > *stop)
            && self.sells.is_idle_at(price)
            && self.buys.is_idle_at(price)
    }

    /// Take a price in; what it set off waits no longer.
    pub fn advance(&mut self, price: i64) -> Vec<Reached> {
        let mut reached = Vec::new();
        for trail in [&mut self.sells, &mut self.buys] {
            trail.advance(price, |order, extreme| reached.push(Reached::Trail { order, extreme }));
        }
        while self.rising.first().is_some_and(|(stop, _)| price >= *stop) {
            reached.extend(self.rising.pop_first().map(|(_, order)| Reached::Stop(order)));
        }
        while self.falling.last().is_some_and(|(stop, _)| price <= *stop) {
            reached.extend(self.falling.pop_last().map(|(_, order)| Reached::Stop(order)));
        }
        reached
    }
}
