//! What few orders have, kept apart so that the others stay small.

use crate::words::PegType;

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
    /// It has something that only rules 2 know of.
    pub is_extended: bool,
    pub strategy: Option<(i64, i32)>,
    /// For how much quote it was sent, if by quote.
    pub quote_quantity: Option<i128>,
    pub working_us: i64,
    pub prevented: i64,
    /// Amounts that are too large for the row.
    pub wide_quote: i128,
    pub wide_held: i128,
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
            is_extended: false,
            strategy: None,
            quote_quantity: None,
            working_us: 0,
            prevented: 0,
            wide_quote: 0,
            wide_held: 0,
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

/// What an event tells of an order that may stand beside its row.
pub struct Beside {
    pub strategy: Option<(i64, i32)>,
    pub quote_quantity: Option<i128>,
    pub working_us: i64,
    pub prevented: i64,
}

impl Extra {
    #[cold]
    pub fn beside(&self) -> Beside {
        let Self { strategy, quote_quantity, working_us, prevented, .. } = *self;
        Beside { strategy, quote_quantity, working_us, prevented }
    }
}
