//! The invariants of one instrument: its book, its waiting and pending orders, its lists.

use crate::audit::{Holds, add};
use crate::book::Level;
use crate::listings::Listing;
use crate::lists::OrderList;
use crate::lists_placing::is_pair_valid;
use crate::orders::{Order, Place};
use crate::words::{InstrumentStatus, OrderType, Side};

impl Listing {
    pub fn audit(&self, holds: &mut Holds) -> Result<(), String> {
        self.audit_orders(holds).map_err(|what| format!("instrument {}: {what}", self.definition.instrument))
    }

    fn audit_orders(&self, holds: &mut Holds) -> Result<(), String> {
        let mut on_book = 0;
        for side in [Side::Buy, Side::Sell] {
            for (price, level) in self.book.levels_from_best(side) {
                on_book += self.audit_level(side, price, &level)?;
            }
        }
        if self.book.is_crossed() && self.definition.status == InstrumentStatus::Trading {
            return Err("crossed at rest".to_owned());
        }
        let (mut waiting, mut off_book) = (0, 0);
        for order in self.open.all() {
            let wrong = |what: &str| Err(format!("order {}: {what}", order.id));
            // Of two orders with one client id, the id leads to one and so not to the other.
            let by_id = self.open.by_id(order.id);
            if by_id.is_none() || self.open.by_client_of(order) != by_id {
                return wrong("its client id is taken, or does not lead to it");
            }
            if !self.is_hold_right(order) {
                return wrong("holds another amount than it can spend");
            }
            let asset = if order.side == Side::Buy { self.definition.quote } else { self.definition.base };
            holds.add(order.account_slot, asset, order.held())?;
            off_book += usize::from(order.place() != Place::OnBook);
            if order.place() == Place::Waiting {
                waiting += 1;
                if !self.waits(order) {
                    return wrong("does not wait for what it should");
                }
            }
            if order.list() != 0 && !self.is_leg(order) {
                return wrong("its list does not know it");
            }
        }
        if on_book + off_book != self.open.len() || waiting != self.triggers.len() || !self.queue.is_empty() {
            return Err("orders are not where they should be".to_owned());
        }
        self.lists.by_id.values().try_for_each(|list| self.audit_list(list))
    }

    /// Check one level; answers how many orders rest there.
    fn audit_level(&self, side: Side, price: i64, level: &Level) -> Result<usize, String> {
        let (mut last_id, mut total, mut remaining, mut count) = (0, 0, 0, 0);
        for slot in self.book.slots_of(level) {
            let order = self.open.order(slot);
            let wrong = |what: &str| Err(format!("order {}: {what}", order.id));
            if order.side != side || order.price != price || order.place() != Place::OnBook {
                return wrong("rests where it should not");
            }
            // Others enter the book later than they were placed, or leave their place.
            let keeps_arrival = order.iceberg() == 0 && !order.order_type.is_stop() && order.list() == 0;
            if keeps_arrival && order.id <= last_id {
                return wrong("not in arrival order");
            }
            last_id = if keeps_arrival { order.id } else { last_id };
            if order.remaining() <= 0 || !(1..=order.remaining()).contains(&order.visible()) {
                return wrong("nothing remains, or another part is shown than remains");
            }
            add(&mut total, i128::from(order.visible()))?;
            add(&mut remaining, i128::from(order.remaining()))?;
            count += 1;
        }
        if count == 0 || total != level.total || remaining != level.total + level.hidden {
            return Err("a level's sums differ from its orders".to_owned());
        }
        Ok(count)
    }

    fn is_hold_right(&self, order: &Order) -> bool {
        let Some(list) = self.lists.get(order.list()) else { return order.held() == order.need() };
        let open = |id: u64| self.open.by_id(id).map(|slot| self.open.order(slot));
        if order.place() == Place::Pending {
            let is_payee = list.form.pays_on() && list.legs[1].0 == order.id;
            let received = list.working().and_then(open).map_or(0, |working| working.executed);
            return (0..=if is_payee { i128::from(received) } else { 0 }).contains(&order.held());
        }
        match list.sibling_of(order.id).and_then(open) {
            Some(sibling) if list.holder() == Some(order.id) => order.held() == order.need().max(sibling.need()),
            Some(_) => order.held() == 0,
            None => order.held() == order.need(),
        }
    }

    /// Whether a waiting order's condition is still to come, and its extreme contains the last price.
    fn waits(&self, order: &Order) -> bool {
        let last = self.last_price;
        let Some(extra) = &order.extra else { return false };
        if extra.trailing_us >= 0 {
            let extreme = self.triggers.extreme_of(order);
            let (delta, scaled) = (i128::from(extra.trailing_delta), i128::from(last) * 10_000);
            return match order.side {
                Side::Sell => extreme >= last && scaled > i128::from(extreme) * (10_000 - delta),
                Side::Buy => extreme <= last && scaled < i128::from(extreme) * (10_000 + delta),
            };
        }
        let is_rising = order.order_type.is_rising(order.side);
        last == 0 || if is_rising { extra.stop_price > last } else { extra.stop_price < last }
    }

    fn is_leg(&self, order: &Order) -> bool {
        let named = |list: &OrderList| list.legs.contains(&(order.id, order.client_id));
        self.lists.get(order.list()).is_some_and(|list| list.account_slot == order.account_slot && named(list))
    }

    /// The legs of a list stand where their roles want them.
    fn audit_list(&self, list: &OrderList) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("list {}: {what}", list.id));
        let leg_at = |place: usize| {
            let slot = self.open.by_id(list.legs[place].0);
            slot.map(|slot| self.open.order(slot)).filter(|order| order.list() == list.id)
        };
        let legs: Vec<Option<&Order>> = (0..list.legs.len()).map(leg_at).collect();
        let open = legs.iter().flatten().count();
        if open == 0 || open != list.open {
            return wrong("its open legs are miscounted");
        }
        let known = self.lists.by_client(list.account_slot, &list.list_client_id);
        if known != Some(list.id) {
            return wrong("its client id is taken");
        }
        let is_pending = |leg: &Order| leg.place() == Place::Pending;
        let working = if list.form.has_working() { legs[0] } else { None };
        let others = if list.form.has_working() { &legs[1..] } else { &legs[..] };
        if working.is_some_and(|leg| leg.place() != Place::OnBook || leg.order_type.is_stop())
            || others.iter().flatten().any(|leg| is_pending(leg) != working.is_some())
        {
            return wrong("a leg stands where its role does not want it");
        }
        if list.form.pays_on() && !pays(working, others) {
            return wrong("its legs do not sell what was bought");
        }
        let Some(place) = list.form.pair_at() else { return Ok(()) };
        if let (Some(above), Some(below)) = (legs[place], legs[place + 1]) {
            let is_unstarted = |leg: &Order| match leg.place() {
                Place::OnBook => leg.order_type == OrderType::LimitMaker && leg.executed == 0 && leg.prevented() == 0,
                Place::Waiting | Place::Pending => true,
            };
            if !is_pair_valid(above, below) || !is_unstarted(above) || !is_unstarted(below) {
                return wrong("its pair does not belong together");
            }
        }
        Ok(())
    }
}

/// Whether a working leg buys and the others sell, as much as it will have bought.
fn pays(working: Option<&Order>, others: &[Option<&Order>]) -> bool {
    let buys = working.is_none_or(|leg| leg.side == Side::Buy);
    buys && others.iter().flatten().all(|leg| leg.side == Side::Sell && (working.is_some() == (leg.quantity == 0)))
}
