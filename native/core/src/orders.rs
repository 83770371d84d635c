//! An order, and one execution of it.

use crate::UNIT;
use crate::codec::ClientId;
use crate::words::{ExecutionKind, Expiry, OrderStatus, OrderType, PegType, Prevention, Side, TimeInForce};

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

#[derive(Clone, Debug)]
pub struct Order {
    pub id: u64,
    pub account: u64,
    /// Where the account stands in the accounts' list.
    pub account_slot: u32,
    /// By what its client id is found: see [`crate::open::client_key`].
    pub client_key: u32,
    pub side: Side,
    pub order_type: OrderType,
    pub time_in_force: TimeInForce,
    pub stp: Prevention,
    pub price: i64,
    pub quantity: i64,
    pub executed: i64,
    pub prevented: i64,
    pub cumulative_quote: i128,
    /// What it holds now: quote units for BUY, base for SELL.
    pub held: i128,
    pub created_us: i64,
    pub working_us: i64,
    pub client_id: ClientId,
    /// What few orders have, kept apart so that the others stay small.
    pub rare: Option<Box<Rare>>,
    /// What only rules 2 know of; most orders have none of it.
    pub extra: Option<Box<Extra>>,
}

/// A strategy's label, and the quote quantity of an order by quote.
#[derive(Clone, Debug)]
pub struct Rare {
    pub strategy: Option<(i64, i32)>,
    pub quote_quantity: Option<i128>,
}

/// Where an open order stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    OnBook,
    /// Until its trigger fires.
    Waiting,
    /// Until its list's working order is filled.
    Pending,
}

/// The side table of an order: zero where it does not have such a thing.
#[derive(Clone, Debug)]
pub struct Extra {
    pub place: Place,
    pub stop_price: i64,
    pub trailing_delta: u32,
    /// Since when the price is followed; -1 before.
    pub trailing_us: i64,
    /// The best price since then; while the order waits, the triggers know better.
    pub extreme: i64,
    pub iceberg: i64,
    /// What of an iceberg the book shows.
    pub visible: i64,
    pub peg: Option<(PegType, u8)>,
    pub sent_price: i64,
    pub list: u64,
    pub expires_us: i64,
    pub amends: u32,
    /// The price at which a waiting BUY holds.
    pub basis: i64,
}

impl Default for Extra {
    fn default() -> Self {
        Self {
            place: Place::OnBook,
            stop_price: 0,
            trailing_delta: 0,
            trailing_us: -1,
            extreme: 0,
            iceberg: 0,
            visible: 0,
            peg: None,
            sent_price: 0,
            list: 0,
            expires_us: 0,
            amends: 0,
            basis: 0,
        }
    }
}

impl Order {
    /// Its strategy's id and type, if it has one.
    #[inline]
    pub fn strategy(&self) -> Option<(i64, i32)> {
        self.rare.as_ref().and_then(|rare| rare.strategy)
    }

    /// For how much quote it was sent, if by quote.
    #[inline]
    pub fn quote_quantity(&self) -> Option<i128> {
        self.rare.as_ref().and_then(|rare| rare.quote_quantity)
    }

    #[inline]
    pub fn by_quote(&self) -> bool {
        self.quote_quantity().is_some()
    }

    #[inline]
    pub fn remaining(&self) -> i64 {
        self.quantity - self.executed - self.prevented
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
            account: 0,
            account_slot: u32::MAX,
            client_key: 0,
            side: Side::Buy,
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::GoodTillCanceled,
            stp: Prevention::None,
            price: 0,
            quantity: 0,
            executed: 0,
            prevented: 0,
            cumulative_quote: 0,
            held: 0,
            created_us: 0,
            working_us: 0,
            client_id: ClientId::EMPTY,
            rare: None,
            extra: None,
        }
    }

    /// Its side table, made when it has none yet.
    pub fn extra_mut(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
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

/// What one execution sets in the order image; whatever it does not set is zero.
#[derive(Clone, Debug)]
pub struct Execution<'a> {
    pub kind: ExecutionKind,
    pub status: OrderStatus,
    pub expiry: Expiry,
    pub on_book: bool,
    pub is_maker: bool,
    pub matched: Option<Matched>,
    pub request_id: &'a ClientId,
}

/// What an execution sets when the order met another one.
#[derive(Clone, Default, Debug)]
pub struct Matched {
    pub last_price: i64,
    pub last_quantity: i64,
    pub last_quote: i128,
    pub commission: i128,
    pub commission_asset: u32,
    pub trade: u64,
    pub prevented_match: u64,
    pub last_prevented: i64,
    pub counter_order: u64,
}

impl<'a> Execution<'a> {
    #[inline(always)]
    pub fn new(kind: ExecutionKind, status: OrderStatus) -> Self {
        let expiry = Expiry::None;
        Self { kind, status, expiry, on_book: false, is_maker: false, matched: None, request_id: &ClientId::EMPTY }
    }

    pub fn expired(expiry: Expiry) -> Self {
        Self { expiry, ..Self::new(ExecutionKind::Expired, OrderStatus::Expired) }
    }

    pub fn canceled(request_id: &'a ClientId) -> Self {
        Self { request_id, ..Self::new(ExecutionKind::Canceled, OrderStatus::Canceled) }
    }
}
