//! The engine: one deterministic state machine over balances, holds, fees and order books.
//!
//! In:    batches of encoded commands with their first sequence and their time.
//! Out:   the encoded events they caused, canonical snapshots, an audit of the invariants.
//! Never: reads a clock, a file, a random source or a float; iterates over a hash map; panics on any bytes.
//!
//! The rules and the bytes are specified in `docs/engine.md`; section numbers in comments refer to it.

#![forbid(unsafe_code)]

mod accounts;
mod audit;
mod book;
mod canceling;
mod codec;
mod commands;
mod engine;
mod events;
mod fees;
mod funding;
mod instruments;
mod listings;
mod matching;
mod orders;
mod placing;
mod registry;
mod restore;
mod sessions;
mod snapshot;
mod walks;
mod words;

pub use engine::{Engine, Misuse, Output};
pub use restore::NotASnapshot;

/// Every amount, price, quantity and rate is a whole number of these parts of one.
pub const UNIT: i64 = 100_000_000;

/// Supplies and amounts stay below this bound, so no sum of balances can leave `i128`.
pub const AMOUNT_BOUND: i128 = 1 << 96;
