//! Matching by the benchmark's rules on the book that the engine uses.

use openbourse_book::{Book, Side, Slot};

use crate::ids::{Ids, Place};
use crate::words::{CANCEL_ACK, CANCEL_REJECT, Cancel, MODIFY_ACK, MODIFY_REJECT, Modify, NewOrder, ORDER_ACK};

/// Room made before the first message; everything grows past it.
const ORDERS: usize = 1 << 17;
const LEVELS: usize = 1 << 13;

/// Where reports go.
pub trait Outlet {
    fn report(&mut self, kind: u8, side: u8, sequence: u64, order_id: u64, price: i64, quantity: u32);
    fn trade(&mut self, sequence: u64, maker: u64, taker: u64, price: i64, quantity: u32);
}

/// A book whose orders carry their ids, and the way from an id to its order.
pub struct Matcher {
    book: Book<u64, u64>,
    ids: Ids,
}

fn side_of(side: u8) -> Side {
    if side == 0 { Side::Buy } else { Side::Sell }
}

impl Matcher {
    pub fn new() -> Self {
        Self { book: Book::with_capacity(ORDERS, LEVELS), ids: Ids::new() }
    }

    /// An id that rests already is refused; the interface has no report for it.
    #[inline]
    pub fn new_order(&mut self, order: &NewOrder, outlet: &mut impl Outlet) {
        let NewOrder { order_id, sequence, price, quantity, .. } = *order;
        if self.find(order_id).is_some() {
            return;
        }
        let side = side_of(order.side);
        outlet.report(ORDER_ACK, side as u8, sequence, order_id, price, quantity);
        let remaining = self.take(side, sequence, order_id, price, quantity, outlet);
        if remaining == 0 {
            return;
        }
        if order.ioc != 0 {
            outlet.report(CANCEL_ACK, side as u8, sequence, order_id, price, remaining);
            return;
        }
        let slot = self.book.insert(side, price, i64::from(remaining), order_id);
        self.ids.insert(order_id, slot);
    }

    #[inline]
    pub fn cancel(&mut self, cancel: &Cancel, outlet: &mut impl Outlet) {
        let Cancel { order_id, sequence } = *cancel;
        let Some(place) = self.find(order_id) else {
            outlet.report(CANCEL_REJECT, 0, sequence, order_id, 0, 0);
            return;
        };
        let slot = self.ids.at(place);
        let level = self.book.level(slot);
        let (side, price) = (self.book.level_side(level), self.book.level_price(level));
        outlet.report(CANCEL_ACK, side as u8, sequence, order_id, price, self.quantity(slot));
        self.book.remove(slot);
        self.ids.remove(place);
    }

    /// The order loses its turn, whatever changes, and keeps its side, whatever the message says.
    #[inline]
    pub fn modify(&mut self, modify: &Modify, outlet: &mut impl Outlet) {
        let Modify { order_id, sequence, price, quantity, .. } = *modify;
        let Some(place) = self.find(order_id) else {
            outlet.report(MODIFY_REJECT, 0, sequence, order_id, 0, 0);
            return;
        };
        let slot = self.ids.at(place);
        let side = self.book.side(slot);
        outlet.report(MODIFY_ACK, side as u8, sequence, order_id, price, quantity);
        if quantity > 0 && self.book.best_within(side.opposite(), price).is_none() {
            self.book.reprice(slot, price, i64::from(quantity));
            return;
        }
        self.book.remove(slot);
        self.ids.remove(place);
        let remaining = self.take(side, sequence, order_id, price, quantity, outlet);
        if remaining > 0 {
            let slot = self.book.insert(side, price, i64::from(remaining), order_id);
            self.ids.insert(order_id, slot);
        }
    }

    #[inline]
    fn find(&self, order_id: u64) -> Option<Place> {
        self.ids.find(order_id, |slot| *self.book.payload(slot) == order_id)
    }

    fn quantity(&self, slot: Slot) -> u32 {
        u32::try_from(self.book.quantity(slot)).unwrap_or(u32::MAX)
    }

    /// Trade with what crosses; answers what is left.
    #[inline]
    fn take(
        &mut self,
        side: Side,
        sequence: u64,
        taker: u64,
        price: i64,
        quantity: u32,
        outlet: &mut impl Outlet,
    ) -> u32 {
        let mut remaining = quantity;
        while remaining > 0 {
            let Some(slot) = self.book.best_within(side.opposite(), price) else { break };
            let maker = *self.book.payload(slot);
            let traded = remaining.min(self.quantity(slot));
            outlet.trade(sequence, maker, taker, self.book.price(slot), traded);
            if u32::try_from(self.book.quantity(slot)) == Ok(traded) {
                let place = self.find(maker).expect("a resting order is indexed");
                self.ids.remove(place);
            }
            self.book.reduce(slot, i64::from(traded));
            remaining -= traded;
        }
        remaining
    }

    pub fn best_price(&self, side: Side) -> Option<i64> {
        self.book.best_price(side)
    }

    pub fn total_at(&self, side: u8, price: i64) -> u64 {
        self.book.total_at(side_of(side), price)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (kind, sequence, order id, price, quantity); a trade's kind is 1 and its order id the maker's.
    type Told = (u8, u64, u64, i64, u32);

    impl Outlet for Vec<Told> {
        fn report(&mut self, kind: u8, _: u8, sequence: u64, order_id: u64, price: i64, quantity: u32) {
            self.push((kind, sequence, order_id, price, quantity));
        }

        fn trade(&mut self, sequence: u64, maker: u64, _: u64, price: i64, quantity: u32) {
            self.push((1, sequence, maker, price, quantity));
        }
    }

    fn told(act: impl FnOnce(&mut Matcher, &mut Vec<Told>), matcher: &mut Matcher) -> Vec<Told> {
        let mut told = Vec::new();
        act(matcher, &mut told);
        told
    }

    fn order(order_id: u64, side: u8, price: i64, quantity: u32, ioc: u8) -> NewOrder {
        NewOrder { order_id, sequence: 7, price, quantity, side, ioc, reserved: [0; 2] }
    }

    fn modify(order_id: u64, price: i64, quantity: u32) -> Modify {
        Modify { order_id, sequence: 8, price, quantity, side: 9, reserved: [0; 3] }
    }

    #[test]
    fn trades_are_at_the_makers_price_and_the_rest_stays_or_goes() {
        let mut matcher = Matcher::new();
        let mut place = |order: NewOrder| told(|matcher, told| matcher.new_order(&order, told), &mut matcher);
        assert_eq!(place(order(1, 1, 100, 10, 0)), [(ORDER_ACK, 7, 1, 100, 10)]);
        assert_eq!(place(order(2, 0, 105, 4, 0)), [(ORDER_ACK, 7, 2, 105, 4), (1, 7, 1, 100, 4)]);
        let rest = [(ORDER_ACK, 7, 3, 100, 9), (1, 7, 1, 100, 6), (CANCEL_ACK, 7, 3, 100, 3)];
        assert_eq!(place(order(3, 0, 100, 9, 1)), rest);
        assert_eq!(place(order(4, 0, i64::MAX, 1, 0)), [(ORDER_ACK, 7, 4, i64::MAX, 1)]);
        assert_eq!(place(order(u64::MAX, 1, i64::MIN, 2, 1))[1], (1, 7, 4, i64::MAX, 1));
        assert_eq!((matcher.best_price(Side::Buy), matcher.best_price(Side::Sell)), (None, None));
    }

    #[test]
    fn what_does_not_rest_is_rejected_and_what_rests_is_not_placed_twice() {
        let mut matcher = Matcher::new();
        let cancel = |id: u64| Cancel { order_id: id, sequence: 9 };
        assert_eq!(told(|m, t| m.cancel(&cancel(1 << 60), t), &mut matcher), [(CANCEL_REJECT, 9, 1 << 60, 0, 0)]);
        assert_eq!(told(|m, t| m.modify(&modify(5, 1, 1), t), &mut matcher), [(MODIFY_REJECT, 8, 5, 0, 0)]);
        told(|m, t| m.new_order(&order(5, 0, -3, 10, 0), t), &mut matcher);
        assert_eq!(told(|m, t| m.new_order(&order(5, 0, -3, 10, 0), t), &mut matcher), []);
        assert_eq!(matcher.total_at(0, -3), 10);
        assert_eq!(told(|m, t| m.modify(&modify(5, -4, 20), t), &mut matcher), [(MODIFY_ACK, 8, 5, -4, 20)]);
        assert_eq!((matcher.total_at(0, -3), matcher.total_at(0, -4)), (0, 20));
        assert_eq!(told(|m, t| m.modify(&modify(5, -4, 0), t), &mut matcher), [(MODIFY_ACK, 8, 5, -4, 0)]);
        assert_eq!(told(|m, t| m.cancel(&cancel(5), t), &mut matcher), [(CANCEL_REJECT, 9, 5, 0, 0)]);
    }

    #[test]
    fn a_modify_that_crosses_trades() {
        let mut matcher = Matcher::new();
        told(|m, t| m.new_order(&order(1, 1, 100, 10, 0), t), &mut matcher);
        told(|m, t| m.new_order(&order(2, 0, 99, 10, 0), t), &mut matcher);
        let crossed = told(|m, t| m.modify(&modify(2, 101, 12), t), &mut matcher);
        assert_eq!(crossed, [(MODIFY_ACK, 8, 2, 101, 12), (1, 8, 1, 100, 10)]);
        assert_eq!((matcher.best_price(Side::Buy), matcher.total_at(0, 101)), (Some(101), 2));
    }
}
