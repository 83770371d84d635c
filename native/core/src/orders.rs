//! An order.

use crate::UNIT;
use crate::codec::ClientId;
pub use crate::executions::{Execution, Matched};
pub use crate::extra::{Beside, Extra, Place};
use crate::words::{OrderStatus, OrderType, PegType, Prevention, Side, TimeInForce};

/// Price × quantity in quote units; exact for prices and quantities on an instrument's grid.
#[inline]
pub fn notional(price: i64, quantity: i64) -> i128 {
    let product = i128::from(price) * i128::from(quantity);
    // Most products fit 64 bits, where a division costs a fraction of one in 128.
    match u64::try_from(product) {
        Ok(small) => i128::from(small / UNIT as u64),
        Err(_) => product / i128::from(UNIT),
    }
}

/// Stands for an amount that the row has no room for: the side table has it.
const WIDE: i64 = i64::MIN;

/// An order in as few bytes as it needs: with its place and its neighbours it is two cache lines long.
#[derive(Clone, Debug)]
pub struct Order {
    pub id: u64,
    pub price: i64,
    pub quantity: i64,
    pub executed: i64,
    cumulative_quote: i64,
    held: i64,
    pub created_us: i64,
    /// What most orders have none of.
    pub extra: Option<Box<Extra>>,
    /// Where the account stands in the accounts' list.
    pub account_slot: u32,
    /// By what its client id is found: see [`crate::open::client_key`].
    pub client_key: u32,
    pub side: Side,
    pub order_type: OrderType,
    terms: Terms,
    pub client_id: ClientId,
}

/// Time in force and self-trade prevention in one byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Terms(u8);

impl Terms {
    const BITS: u32 = 4;

    #[inline(always)]
    const fn new(time_in_force: TimeInForce, stp: Prevention) -> Self {
        Self(time_in_force as u8 | (stp as u8) << Self::BITS)
    }
}

/// What an order begins as.
pub struct Draft {
    pub account_slot: u32,
    pub client_key: u32,
    pub side: Side,
    pub order_type: OrderType,
    pub time_in_force: TimeInForce,
    pub stp: Prevention,
    pub price: i64,
    pub quantity: i64,
    pub created_us: i64,
    pub client_id: ClientId,
}

impl Order {
    #[inline(always)]
    pub fn new(draft: &Draft, extra: Option<Box<Extra>>) -> Self {
        Self {
            id: 0,
            price: draft.price,
            quantity: draft.quantity,
            executed: 0,
            cumulative_quote: 0,
            held: 0,
            created_us: draft.created_us,
            extra,
            account_slot: draft.account_slot,
            client_key: draft.client_key,
            side: draft.side,
            order_type: draft.order_type,
            terms: Terms::new(draft.time_in_force, draft.stp),
            client_id: draft.client_id,
        }
    }

    #[inline]
    pub fn time_in_force(&self) -> TimeInForce {
        // What went in comes out: the other arm is for the compiler.
        TimeInForce::from_code(self.terms.0 & ((1 << Terms::BITS) - 1)).unwrap_or(TimeInForce::GoodTillCanceled)
    }

    #[inline]
    pub fn stp(&self) -> Prevention {
        Prevention::from_code(self.terms.0 >> Terms::BITS).unwrap_or(Prevention::None)
    }

    /// What it holds now: quote units for BUY, base for SELL.
    #[inline(always)]
    pub fn held(&self) -> i128 {
        if self.held == WIDE { self.wide().0 } else { i128::from(self.held) }
    }

    #[inline(always)]
    pub fn set_held(&mut self, amount: i128) {
        match i64::try_from(amount) {
            Ok(narrow) if narrow != WIDE => self.held = narrow,
            _ => self.set_wide_held(amount),
        }
    }

    /// What it traded for in all.
    #[inline(always)]
    pub fn cumulative_quote(&self) -> i128 {
        if self.cumulative_quote == WIDE { self.wide().1 } else { i128::from(self.cumulative_quote) }
    }

    #[inline(always)]
    pub fn set_cumulative_quote(&mut self, amount: i128) {
        match i64::try_from(amount) {
            Ok(narrow) if narrow != WIDE => self.cumulative_quote = narrow,
            _ => self.set_wide_quote(amount),
        }
    }

    #[cold]
    fn wide(&self) -> (i128, i128) {
        self.extra.as_ref().map_or((0, 0), |extra| (extra.wide_held, extra.wide_quote))
    }

    #[cold]
    fn set_wide_held(&mut self, amount: i128) {
        self.aside_mut().wide_held = amount;
        self.held = WIDE;
    }

    #[cold]
    fn set_wide_quote(&mut self, amount: i128) {
        self.aside_mut().wide_quote = amount;
        self.cumulative_quote = WIDE;
    }

    /// Since when it works; -1: not yet.
    #[inline(always)]
    pub fn working_us(&self) -> i64 {
        self.extra.as_ref().map_or(self.created_us, |extra| extra.working_us)
    }

    #[inline(always)]
    pub fn set_working_us(&mut self, working_us: i64) {
        if self.extra.is_some() || working_us != self.created_us {
            self.aside_mut().working_us = working_us;
        }
    }

    #[inline(always)]
    pub fn prevented(&self) -> i64 {
        self.extra.as_ref().map_or(0, |extra| extra.prevented)
    }

    /// Take note that so much of it was kept from trading.
    pub fn prevent(&mut self, quantity: i64) {
        self.aside_mut().prevented += quantity;
    }

    /// What an event tells of an order that may stand beside its row.
    #[inline(always)]
    pub fn beside(&self) -> Beside {
        let none = Beside { strategy: None, quote_quantity: None, working_us: self.created_us, prevented: 0 };
        self.extra.as_ref().map_or(none, |extra| extra.beside())
    }

    /// Its strategy's id and type, if it has one.
    #[inline]
    pub fn strategy(&self) -> Option<(i64, i32)> {
        self.extra.as_ref().and_then(|extra| extra.strategy)
    }

    /// For how much quote it was sent, if by quote.
    #[inline]
    pub fn quote_quantity(&self) -> Option<i128> {
        self.extra.as_ref().and_then(|extra| extra.quote_quantity)
    }

    #[inline]
    pub fn by_quote(&self) -> bool {
        self.quote_quantity().is_some()
    }

    #[inline]
    pub fn remaining(&self) -> i64 {
        self.quantity - self.executed - self.prevented()
    }

    /// What `quantity` of it holds while it works at its own limit price.
    #[inline]
    pub fn hold_of(&self, quantity: i64) -> i128 {
        match self.side {
            Side::Buy => notional(self.price, quantity),
            Side::Sell => i128::from(quantity),
        }
    }

    /// What it has to hold where it stands, lists aside.
    pub fn need(&self) -> i128 {
        match (self.place(), self.side) {
            (Place::OnBook, _) => self.hold_of(self.remaining()),
            (Place::Waiting, Side::Buy) => notional(self.basis(), self.quantity),
            (Place::Waiting, Side::Sell) => i128::from(self.quantity),
            (Place::Pending, _) => 0,
        }
    }

    /// The status of an order at rest.
    pub fn resting_status(&self) -> OrderStatus {
        if self.place() == Place::Pending {
            OrderStatus::PendingNew
        } else if self.executed > 0 {
            OrderStatus::PartiallyFilled
        } else {
            OrderStatus::New
        }
    }

    #[inline]
    pub fn crosses(&self, resting_price: i64) -> bool {
        self.order_type.is_market() || crosses(self.side, self.price, resting_price)
    }

    #[inline]
    pub fn place(&self) -> Place {
        self.extra.as_ref().map_or(Place::OnBook, |extra| extra.place)
    }

    /// The list that it is a leg of, or 0.
    #[inline]
    pub fn list(&self) -> u64 {
        self.extra.as_ref().map_or(0, |extra| extra.list)
    }

    #[inline]
    pub fn iceberg(&self) -> i64 {
        self.extra.as_ref().map_or(0, |extra| extra.iceberg)
    }

    /// What of it the book shows, and all that a taker meets at a time.
    #[inline]
    pub fn visible(&self) -> i64 {
        match &self.extra {
            Some(extra) if extra.iceberg > 0 => extra.visible,
            _ => self.remaining(),
        }
    }

    pub fn peg(&self) -> Option<(PegType, u8)> {
        self.extra.as_ref().and_then(|extra| extra.peg)
    }

    pub fn stop_price(&self) -> i64 {
        self.extra.as_ref().map_or(0, |extra| extra.stop_price)
    }

    pub fn trailing_delta(&self) -> u32 {
        self.extra.as_ref().map_or(0, |extra| extra.trailing_delta)
    }

    pub fn expires_us(&self) -> i64 {
        self.extra.as_ref().map_or(0, |extra| extra.expires_us)
    }

    fn basis(&self) -> i64 {
        self.extra.as_ref().map_or(0, |extra| extra.basis)
    }

    /// What stands where no order is.
    pub const fn nobodys() -> Self {
        Self {
            id: 0,
            price: 0,
            quantity: 0,
            executed: 0,
            cumulative_quote: 0,
            held: 0,
            created_us: 0,
            extra: None,
            account_slot: u32::MAX,
            client_key: 0,
            side: Side::Buy,
            order_type: OrderType::Limit,
            terms: Terms::new(TimeInForce::GoodTillCanceled, Prevention::None),
            client_id: ClientId::EMPTY,
        }
    }

    /// What it has beyond rules 1, if anything.
    #[inline(always)]
    pub fn extension(&self) -> Option<&Extra> {
        self.extra.as_deref().filter(|extra| extra.is_extended)
    }

    /// Its side table, made when it has none yet, for what rules 1 know, too.
    pub fn aside_mut(&mut self) -> &mut Extra {
        let working_us = self.created_us;
        self.extra.get_or_insert_with(|| Box::new(Extra { working_us, ..Extra::default() }))
    }

    /// Give an order that has nothing beyond rules 1 what it has of it.
    pub fn extend(&mut self, extension: Extra) {
        let aside = self.aside_mut();
        *aside = Extra {
            is_extended: true,
            strategy: aside.strategy,
            quote_quantity: aside.quote_quantity,
            working_us: aside.working_us,
            prevented: aside.prevented,
            wide_quote: aside.wide_quote,
            wide_held: aside.wide_held,
            ..extension
        };
    }

    /// Its side table, for what only rules 2 know of.
    pub fn extra_mut(&mut self) -> &mut Extra {
        let extra = self.aside_mut();
        extra.is_extended = true;
        extra
    }

    /// Show the first part of an iceberg that enters the book.
    pub fn show(&mut self) {
        let remaining = self.remaining();
        if let Some(extra) = &mut self.extra {
            extra.place = Place::OnBook;
            extra.visible = extra.iceberg.min(remaining);
        }
    }
}

/// Whether an order at `price` would trade with one of the other side resting at `resting_price`.
#[inline]
pub fn crosses(side: Side, price: i64, resting_price: i64) -> bool {
    match side {
        Side::Buy => price >= resting_price,
        Side::Sell => price <= resting_price,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> Order {
        Order { created_us: 7, ..Order::nobodys() }
    }

    #[test]
    fn amounts_of_any_size_are_kept() {
        let mut order = order();
        let amounts = [0, 1, -1, i128::from(i64::MAX), i128::from(i64::MIN), 1 << 63, 1 << 95, -(1 << 95), 5];
        for held in amounts {
            for quote in amounts {
                order.set_held(held);
                order.set_cumulative_quote(quote);
                assert_eq!((order.held(), order.cumulative_quote()), (held, quote));
            }
        }
        assert!(order.extension().is_none());
    }

    #[test]
    fn what_an_order_has_beside_its_row_does_not_make_it_extended() {
        let mut order = order();
        order.set_working_us(7);
        assert!(order.extra.is_none());
        order.prevent(3);
        assert_eq!((order.working_us(), order.prevented(), order.remaining()), (7, 3, -3));
        order.set_working_us(9);
        assert!(order.extension().is_none());
        order.extend(Extra { list: 4, ..Extra::default() });
        assert_eq!((order.working_us(), order.prevented(), order.list()), (9, 3, 4));
        assert!(order.extension().is_some());
    }

    #[test]
    fn terms_come_out_as_they_went_in() {
        for time_in_force in (0..=u8::MAX).filter_map(TimeInForce::from_code) {
            for stp in (0..=u8::MAX).filter_map(Prevention::from_code) {
                let order = Order { terms: Terms::new(time_in_force, stp), ..Order::nobodys() };
                assert_eq!((order.time_in_force(), order.stp()), (time_in_force, stp));
            }
        }
    }
}
