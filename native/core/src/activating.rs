//! Orders that begin because of trades: triggers that fire, and pending legs whose working order was filled.

use crate::codec::ClientId;
use crate::filters::require;
use crate::legs::Ending;
use crate::orders::{Execution, Order, Place};
use crate::placing::Outlook;
use crate::triggers::Reached;
use crate::turn::Turn;
use crate::words::{ExecutionKind, Expiry, InstrumentStatus, OrderStatus, Reason};

/// What waits in an instrument's queue until the turn before it is over.
#[derive(Clone, Copy, Debug)]
pub enum Activation {
    /// A stop order, by its id.
    Fired(u64),
    /// The pending legs of a list.
    Pending(u64),
}

impl Turn<'_> {
    /// Let the waiting orders see a price; those that fire are queued, by order id.
    #[inline]
    pub fn evaluate(&mut self, price: i64) {
        if !self.listing.triggers.are_idle_at(price) {
            self.fire(price);
        }
    }

    #[cold]
    fn fire(&mut self, price: i64) {
        let mut fired = Vec::new();
        for reached in self.listing.triggers.advance(price) {
            let (id, extreme) = match reached {
                Reached::Stop(id) => (id, None),
                Reached::Trail { order, extreme } => (order, Some(extreme)),
            };
            let Some(slot) = self.listing.open.by_id(id) else { continue };
            let extra = self.listing.open.order_mut(slot).extra_mut();
            let starts_to_trail = extreme.is_none() && extra.trailing_delta > 0;
            if starts_to_trail {
                extra.trailing_us = self.time_us;
                extra.extreme = price;
                self.listing.triggers.add(self.listing.open.order(slot));
                continue;
            }
            extra.extreme = extreme.unwrap_or(0);
            fired.push(id);
        }
        fired.sort_unstable();
        self.listing.queue.extend(fired.into_iter().map(Activation::Fired));
    }

    /// Work off the queue, with all that it sets off.
    #[inline(always)]
    pub fn work_off(&mut self) {
        if !self.listing.queue.is_empty() {
            self.work_off_all();
        }
    }

    #[cold]
    fn work_off_all(&mut self) {
        debug_assert!(self.listing.definition.status == InstrumentStatus::Trading);
        while let Some(activation) = self.listing.queue.pop_front() {
            match activation {
                Activation::Fired(order) => self.activate_fired(order),
                Activation::Pending(list) => self.activate_pending(list),
            }
        }
    }

    fn activate_fired(&mut self, id: u64) {
        let Some(slot) = self.listing.open.by_id(id) else { return };
        let list = self.listing.open.order(slot).list();
        self.expire_sibling(list, id);
        let mut order = self.take_out(slot);
        self.release_all(&mut order);
        let mut tried = order.clone();
        match self.check_working(&mut tried, false).and_then(|()| self.weigh(&mut tried)) {
            Ok(outlook) => {
                self.begin(&tried, &outlook, ExecutionKind::Triggered);
                self.run(&mut tried, outlook);
            }
            Err(_) => {
                self.reject(&order);
                self.follow_end(list, id, Ending::Otherwise);
            }
        }
    }

    fn reject(&mut self, order: &Order) {
        self.report(order, &Execution::expired(Expiry::Rejected));
    }

    fn activate_pending(&mut self, list: u64) {
        let Some(known) = self.listing.lists.get(list) else { return };
        let pays_on = known.form.pays_on();
        let slots: Vec<u32> = known.pending().iter().filter_map(|leg| self.listing.open.by_id(leg.0)).collect();
        let mut legs: Vec<Order> = slots.into_iter().map(|slot| self.take_out(slot)).collect();
        if pays_on {
            self.pay_on(&mut legs);
        }
        let mut tried = legs.clone();
        match self.check_activation(&mut tried) {
            Ok(outlook) => self.activate(tried, outlook),
            Err(_) => {
                for leg in &legs {
                    self.reject(leg);
                    self.listing.lists.note_end(list);
                }
                self.close_list_if_done(list, &ClientId::EMPTY);
            }
        }
    }

    /// Give the legs the quantity that the working order bought for them.
    fn pay_on(&mut self, legs: &mut [Order]) {
        let Some(first) = legs.first_mut() else { return };
        let bought = first.held();
        self.release_all(first);
        let definition = &self.listing.definition;
        let is_any_market = legs.iter().any(|leg| leg.order_type.is_market());
        let lot = if is_any_market && definition.market_step > 0 { definition.market_step } else { definition.step };
        let quantity = i64::try_from(bought).unwrap_or(i64::MAX);
        for leg in legs {
            leg.quantity = quantity - quantity % lot;
        }
    }

    /// Check pending legs as if they were placed now; a single one that works comes with its outlook.
    fn check_activation(&self, legs: &mut [Order]) -> Result<Option<Outlook>, Reason> {
        if let [above, below] = &legs {
            self.check_pair_prices(above, below, true)?;
        }
        for leg in legs.iter_mut() {
            self.check_filters(leg, true)?;
            self.check_beginning(leg)?;
        }
        match legs {
            [leg] if leg.place() == Place::OnBook => self.weigh(leg).map(Some),
            [leg] => {
                leg.set_held(leg.need());
                self.check_balance(leg, leg.held()).map(|()| None)
            }
            legs => self.check_pair_balance(legs).map(|()| None),
        }
    }

    fn activate(&mut self, mut legs: Vec<Order>, outlook: Option<Outlook>) {
        if legs.len() > 1 {
            self.begin_pair(legs);
        } else if let Some(mut leg) = legs.pop() {
            match outlook {
                Some(outlook) => {
                    self.begin(&leg, &outlook, ExecutionKind::New);
                    self.run(&mut leg, outlook);
                }
                None => self.wait(&mut leg),
            }
        }
    }

    /// Check INSUFFICIENT_BALANCE of a pair, whose first leg holds what either of them needs.
    pub fn check_pair_balance(&self, legs: &mut [Order]) -> Result<(), Reason> {
        let need = legs.iter().map(Order::need).max().unwrap_or(0);
        let Some(first) = legs.first_mut() else { return Ok(()) };
        first.set_held(need);
        self.check_balance(first, need)
    }

    /// Let both legs of a pair begin.
    pub fn begin_pair(&mut self, legs: Vec<Order>) {
        for mut leg in legs {
            if leg.place() == Place::Waiting {
                self.wait(&mut leg);
                continue;
            }
            self.hold(&leg);
            let accepted = Execution { on_book: true, ..Execution::new(ExecutionKind::New, OrderStatus::New) };
            self.report(&leg, &accepted);
            self.rest(&mut leg);
        }
    }

    /// Check BAD_PRICES; `begins`: also against the last trade's price.
    pub fn check_pair_prices(&self, above: &Order, below: &Order, begins: bool) -> Result<(), Reason> {
        let price_of = |leg: &Order| {
            let price = if leg.order_type.is_stop() {
                leg.stop_price()
            } else if leg.peg().is_some() {
                0
            } else {
                leg.price
            };
            (price > 0).then_some(price)
        };
        let last = Some(self.listing.last_price).filter(|last| begins && *last > 0);
        let (above, below) = (price_of(above), price_of(below));
        let is_above = |higher: Option<i64>, lower: Option<i64>| match (higher, lower) {
            (Some(higher), Some(lower)) => higher > lower,
            _ => true,
        };
        let agree = is_above(above, below) && is_above(above, last) && is_above(last, below);
        require(agree, Reason::BadPrices)
    }
}
