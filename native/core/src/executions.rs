//! One execution of an order.

use crate::codec::ClientId;
use crate::words::{ExecutionKind, Expiry, OrderStatus};

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
