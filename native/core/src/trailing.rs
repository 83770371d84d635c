//! Trailing orders of one side that follow the price, so that a trade costs little unless one of them fires.
//!
//! Orders with the same extreme form a group. A new extreme makes all groups behind it one, the smaller moving into
//! the larger, so that each order moves seldom however often the price does.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use crate::words::Side;

const PARTS: i128 = 10_000;

#[derive(Clone, Default)]
struct Group {
    /// By delta: the smallest fires first.
    orders: BTreeSet<(u32, u64)>,
    extreme: i64,
    threshold: i128,
}

/// Prices are kept with the sign that makes an extreme a maximum on either side.
#[derive(Clone)]
pub struct Trail {
    side: Side,
    groups: Vec<Group>,
    free: Vec<u32>,
    by_extreme: BTreeMap<i64, u32>,
    by_threshold: BTreeSet<(i128, u32)>,
    group_of: FxHashMap<u64, u32>,
}

impl Trail {
    pub fn new(side: Side) -> Self {
        Self {
            side,
            groups: Vec::new(),
            free: Vec::new(),
            by_extreme: BTreeMap::new(),
            by_threshold: BTreeSet::new(),
            group_of: FxHashMap::default(),
        }
    }

    /// A price with its sign here; its own inverse.
    #[inline]
    fn signed(&self, price: i64) -> i64 {
        match self.side {
            Side::Sell => price,
            Side::Buy => -price,
        }
    }

    /// An order with this delta fires when the price times [`PARTS`] is at most this.
    fn threshold(&self, extreme: i64, delta: u32) -> i128 {
        let factor = match self.side {
            Side::Sell => PARTS - i128::from(delta),
            Side::Buy => PARTS + i128::from(delta),
        };
        i128::from(extreme) * factor
    }

    /// Bring a group's place among the thresholds up to date; drop it when it is empty.
    fn refresh(&mut self, at: u32) {
        let group = &self.groups[at as usize];
        self.by_threshold.remove(&(group.threshold, at));
        let Some((delta, _)) = group.orders.first() else {
            self.by_extreme.remove(&group.extreme);
            self.free.push(at);
            return;
        };
        let threshold = self.threshold(group.extreme, *delta);
        self.groups[at as usize].threshold = threshold;
        self.by_threshold.insert((threshold, at));
    }

    /// Follow the price for an order from `extreme` on.
    pub fn add(&mut self, order: u64, delta: u32, extreme: i64) {
        let extreme = self.signed(extreme);
        let at = match self.by_extreme.get(&extreme) {
            Some(at) => *at,
            None => self.open_group(extreme),
        };
        self.groups[at as usize].orders.insert((delta, order));
        self.group_of.insert(order, at);
        self.refresh(at);
    }

    fn open_group(&mut self, extreme: i64) -> u32 {
        let group = Group { extreme, ..Group::default() };
        let at = match self.free.pop() {
            Some(at) => {
                self.groups[at as usize] = group;
                at
            }
            None => {
                self.groups.push(group);
                u32::try_from(self.groups.len() - 1).expect("orders of an instrument are fewer than 2^32")
            }
        };
        self.by_extreme.insert(extreme, at);
        at
    }

    /// Follow the price for an order no longer, if it did.
    pub fn remove(&mut self, order: u64, delta: u32) {
        if let Some(at) = self.group_of.remove(&order) {
            self.groups[at as usize].orders.remove(&(delta, order));
            self.refresh(at);
        }
    }

    /// The best price since the order is followed.
    pub fn extreme_of(&self, order: u64) -> Option<i64> {
        self.group_of.get(&order).map(|at| self.signed(self.groups[*at as usize].extreme))
    }

    pub fn len(&self) -> usize {
        self.group_of.len()
    }

    /// Whether a price changes nothing here.
    #[inline]
    pub fn is_idle_at(&self, price: i64) -> bool {
        let price = self.signed(price);
        let is_behind = self.by_extreme.first_key_value().is_some_and(|(extreme, _)| *extreme < price);
        !is_behind && self.by_threshold.last().is_none_or(|(threshold, _)| i128::from(price) * PARTS > *threshold)
    }

    /// Take a price in: extremes behind it become it, and the orders that fire are handed over with their extreme.
    pub fn advance(&mut self, price: i64, mut fire: impl FnMut(u64, i64)) {
        let signed = self.signed(price);
        self.raise(signed);
        while let Some((threshold, at)) = self.by_threshold.last().copied() {
            if i128::from(signed) * PARTS > threshold {
                break;
            }
            let group = &mut self.groups[at as usize];
            let Some((_, order)) = group.orders.pop_first() else { break };
            let extreme = group.extreme;
            self.group_of.remove(&order);
            fire(order, self.signed(extreme));
            self.refresh(at);
        }
    }

    /// Make one group of all whose extreme is behind `price`.
    fn raise(&mut self, price: i64) {
        let behind: Vec<u32> = self.by_extreme.range(..price).map(|(_, at)| *at).collect();
        if behind.is_empty() {
            return;
        }
        let there = self.by_extreme.get(&price).copied();
        let joining = || behind.iter().chain(there.iter()).copied();
        let Some(largest) = joining().max_by_key(|at| self.groups[*at as usize].orders.len()) else { return };
        for at in joining().filter(|at| *at != largest) {
            let orders = std::mem::take(&mut self.groups[at as usize].orders);
            for (_, order) in &orders {
                self.group_of.insert(*order, largest);
            }
            self.groups[largest as usize].orders.extend(orders);
            self.refresh(at);
        }
        let before = std::mem::replace(&mut self.groups[largest as usize].extreme, price);
        self.by_extreme.remove(&before);
        self.by_extreme.insert(price, largest);
        self.refresh(largest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every order on its own, as the rules say it.
    struct Plain {
        side: Side,
        orders: BTreeMap<u64, (u32, i64)>,
    }

    impl Plain {
        fn advance(&mut self, price: i64) -> Vec<u64> {
            let parts = i128::from(price) * PARTS;
            let mut fired = Vec::new();
            for (order, (delta, extreme)) in &mut self.orders {
                let fires = match self.side {
                    Side::Sell => {
                        *extreme = price.max(*extreme);
                        parts <= i128::from(*extreme) * (PARTS - i128::from(*delta))
                    }
                    Side::Buy => {
                        *extreme = price.min(*extreme);
                        parts >= i128::from(*extreme) * (PARTS + i128::from(*delta))
                    }
                };
                if fires {
                    fired.push(*order);
                }
            }
            self.orders.retain(|order, _| !fired.contains(order));
            fired
        }
    }

    #[test]
    fn groups_do_what_single_orders_do() {
        for (seed, side) in [(1_u64, Side::Sell), (2, Side::Buy), (3, Side::Sell), (4, Side::Buy)] {
            let (mut trail, mut plain) = (Trail::new(side), Plain { side, orders: BTreeMap::new() });
            let mut state = seed;
            let mut dice = |bound: u64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) % bound
            };
            let mut price = 1_000_000;
            for order in 1..5_000 {
                price += dice(2_001) as i64 - 1_000;
                if dice(3) == 0 {
                    let delta = 1 + dice(40) as u32;
                    trail.add(order, delta, price);
                    plain.orders.insert(order, (delta, price));
                }
                let gone = 1 + dice(order);
                if let Some((delta, _)) = plain.orders.remove(&gone) {
                    trail.remove(gone, delta);
                }
                let is_idle = trail.is_idle_at(price);
                let extremes: Vec<_> = plain.orders.clone().into_iter().collect();
                let mut fired = Vec::new();
                trail.advance(price, |order, _| fired.push(order));
                fired.sort_unstable();
                assert_eq!(fired, plain.advance(price));
                assert!(!is_idle || extremes == plain.orders.clone().into_iter().collect::<Vec<_>>());
                let kept = plain.orders.iter().all(|(order, (_, extreme))| trail.extreme_of(*order) == Some(*extreme));
                assert!(kept && trail.len() == plain.orders.len());
            }
        }
    }
}
