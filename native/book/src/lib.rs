//! The order book of one instrument by price and time, and nothing else.
//!
//! In:    orders as (side, price, quantity, payload); the payload is the caller's.
//! Out:   who trades next, what rests where, in trading order.
//! Never: matches, knows accounts or money, hashes, reads a clock. The same calls leave the same book on any machine.
//!
//! [`Book`] keeps orders in a slab of slots and links them into one queue a price level. A level is found by its
//! price through a path-compressed radix tree of 64 children a branch, so that a lookup costs a few loads whether the
//! book has one level or a hundred thousand, and whether they are neighbours or far apart. [`DenseIndex`] finds a slot
//! by order id.

#![deny(unsafe_code)]
#![deny(missing_docs)]

mod audit;
mod book;
mod dense;
mod eight;
mod hints;
mod levels;
mod prefetch;
mod words;

pub use book::Book;
pub use dense::DenseIndex;
pub use eight::equal_among;
pub use hints::Way;
pub use prefetch::{prefetch, prefetch_ends, prefetch_whole};
pub use words::{LevelId, Side, Slot, Total};
