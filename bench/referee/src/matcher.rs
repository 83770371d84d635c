//! Matching by the benchmark's rules on the book that the engine uses.

use openbourse_book::{Book, DenseIndex, Side, Slot};

use crate::words::{CANCEL_ACK, CANCEL_REJECT, Cancel, MODIFY_ACK, MODIFY_REJECT, Modify, NewOrder, ORDER_ACK};

/// Room made before the first message; everything grows past it.
const ORDERS: usize = 1 << 17;
const LEVELS: usize = 1 << 13;
const IDS: usize = 1 << 20;

/// Where reports go.
pub trait Outlet {
    fn report(&mut self, kind: u8, side: u8, sequence: u64, order_id: u64, price: i64, quantity: u32);
    fn trade(&mut self, sequence: u64, maker: u64, taker: u64, price: i64, quantity: u32);
}

/// A book whose orders carry their ids, and the way from an id to its order.
pub struct Matcher {
    book: Book<u64, u64>,
    index: DenseIndex,
}

fn side_of(side: u8) -> Side {
    if side == 0 { Side::Buy } else { Side::Sell }
}

impl Matcher {
    pub fn new() -> Self {
        Self { book: Book::with_capacity(ORDERS, LEVELS), index: DenseIndex::with_capacity(IDS) }
    }

    /// An id that rests already is refused; the interface has no report for it.
    #[inline]
    pub fn new_order(&mut self, order: &NewOrder, outlet: &mut impl Outlet) {
        let NewOrder { order_id, sequence, price, quantity, .. } = *order;
        if self.index.get(order_id).is_some() {
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
        self.index.insert(order_id, slot);
    }

    #[inline]
    pub fn cancel(&mut self, cancel: &Cancel, outlet: &mut impl Outlet) {
        let Cancel { order_id, sequence } = *cancel;
        let Some(slot) = self.index.remove(order_id) else {
            outlet.report(CANCEL_REJECT, 0, sequence, order_id, 0, 0);
            return;
        };
        let level = self.book.level(slot);
        let (side, price) = (self.book.level_side(level), self.book.level_price(level));
        outlet.report(CANCEL_ACK, side as u8, sequence, order_id, price, self.quantity(slot));
        self.book.remove(slot);
    }

    /// The order loses its turn, whatever changes, and keeps its side, whatever the message says.
    #[inline]
    pub fn modify(&mut self, modify: &Modify, outlet: &mut impl Outlet) {
        let Modify { order_id, sequence, price, quantity, .. } = *modify;
        let Some(slot) = self.index.get(order_id) else {
            outlet.report(MODIFY_REJECT, 0, sequence, order_id, 0, 0);
            return;
        };
        let side = self.book.side(slot);
        outlet.report(MODIFY_ACK, side as u8, sequence, order_id, price, quantity);
        if quantity > 0 && self.book.best_within(side.opposite(), price).is_none() {
            self.book.reprice(slot, price, i64::from(quantity));
            return;
        }
        self.book.remove(slot);
        self.index.remove(order_id);
        let remaining = self.take(side, sequence, order_id, price, quantity, outlet);
        if remaining > 0 {
            let slot = self.book.insert(side, price, i64::from(remaining), order_id);
            self.index.insert(order_id, slot);
        }
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
            if self.book.reduce(slot, i64::from(traded)) {
                self.index.remove(maker);
            }
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
