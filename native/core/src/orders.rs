//! An order, and one execution of it.

use crate::UNIT;
use crate::codec::ClientId;
use crate::words::{ExecutionKind, Expiry, OrderStatus, OrderType, Prevention, Side, TimeInForce};

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
    pub side: Side,
    pub order_type: OrderType,
    pub time_in_force: TimeInForce,
    pub stp: Prevention,
    pub has_strategy: bool,
    pub by_quote: bool,
    pub price: i64,
    pub quantity: i64,
    pub executed: i64,
    pub prevented: i64,
    pub cumulative_quote: i128,
    pub quote_quantity: i128,
    /// What it holds now: quote units for BUY, base for SELL.
    pub held: i128,
    pub created_us: i64,
    pub working_us: i64,
    pub strategy_id: i64,
    pub strategy_type: i32,
    pub client_id: ClientId,
}

impl Order {
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

    /// The status of an order at rest.
    pub fn resting_status(&self) -> OrderStatus {
        if self.executed > 0 { OrderStatus::PartiallyFilled } else { OrderStatus::New }
    }

    #[inline]
    pub fn crosses(&self, resting_price: i64) -> bool {
        self.order_type == OrderType::Market || crosses(self.side, self.price, resting_price)
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
pub struct Execution {
    pub kind: ExecutionKind,
    pub status: OrderStatus,
    pub expiry: Expiry,
    pub on_book: bool,
    pub is_maker: bool,
    pub last_price: i64,
    pub last_quantity: i64,
    pub last_quote: i128,
    pub commission: i128,
    pub commission_asset: u32,
    pub trade: u64,
    pub prevented_match: u64,
    pub last_prevented: i64,
    pub counter_order: u64,
    pub request_id: ClientId,
}

impl Execution {
    pub fn new(kind: ExecutionKind, status: OrderStatus) -> Self {
        Self {
            kind,
            status,
            expiry: Expiry::None,
            on_book: false,
            is_maker: false,
            last_price: 0,
            last_quantity: 0,
            last_quote: 0,
            commission: 0,
            commission_asset: 0,
            trade: 0,
            prevented_match: 0,
            last_prevented: 0,
            counter_order: 0,
            request_id: ClientId::EMPTY,
        }
    }

    pub fn expired(expiry: Expiry) -> Self {
        Self { expiry, ..Self::new(ExecutionKind::Expired, OrderStatus::Expired) }
    }
}
