//! The engine: one deterministic state machine over balances, holds, fees and order books.
//!
//! In:    batches of encoded commands with their first sequence and their time.
//! Out:   the encoded events they caused, canonical snapshots, an audit of the invariants.
//! Never: reads a clock, a file, a random source or a float; iterates over a hash map; panics on any bytes.
//!
//! The rules and the bytes are specified in `docs/engine.md` and `docs/engine-2.md`; section numbers in comments refer
//! to the first unless they name rules 2.

#![forbid(unsafe_code)]

mod account;
mod account_index;
mod accounts;
mod activating;
mod admission;
mod ahead;
mod amending;
mod announcing;
mod auction;
mod audit;
mod audit_orders;
mod book;
mod bucket;
mod buffer;
mod canceling;
mod cells;
mod codec;
mod commands;
#[cfg(test)]
mod commands_properties;
mod due;
mod engine;
mod events;
mod executions;
mod extra;
mod fees;
mod filters;
mod funding;
mod hashes;
mod instruments;
mod legs;
mod limits;
mod listing_table;
mod listings;
mod lists;
mod lists_placing;
mod makers_ahead;
mod matching;
mod multiples;
mod open;
mod open_hints;
mod orders;
mod placing;
mod preventing;
mod registry;
mod requests;
mod restore;
mod restore_orders;
mod sessions;
mod settling;
mod slab;
mod slot_table;
mod snapshot;
mod tariffs;
mod trailing;
mod triggers;
mod turn;
mod venue;
mod walks;
mod words;

pub use engine::{Engine, Misuse, Output};
pub use restore::NotASnapshot;

/// Every amount, price, quantity and rate is a whole number of these parts of one.
pub const UNIT: i64 = 100_000_000;

/// Supplies and amounts stay below this bound, so no sum of balances can leave `i128`.
pub const AMOUNT_BOUND: i128 = 1 << 96;
