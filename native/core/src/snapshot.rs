//! The canonical image of all state: equal states give equal bytes (section 7).

use crate::codec::Sink;
use crate::engine::Engine;
use crate::events::ORDER_HAS_STRATEGY;
use crate::listings::Listing;
use crate::orders::Order;
use crate::words::Side;

pub const MAGIC: [u8; 4] = *b"OBSN";
pub const VERSION: u16 = 1;

fn put_count(out: &mut Vec<u8>, count: usize) {
    out.u32(u32::try_from(count).expect("collections hold fewer than 2^32"));
}

impl Engine {
    /// Write the whole state, canonically.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.put(&MAGIC);
        out.u16(VERSION);
        out.u32(self.rules);
        out.u64(self.sequence);
        out.i64(self.time_us);
        put_count(&mut out, self.assets.len());
        for (id, asset) in &self.assets {
            out.u32(*id);
            out.text(&asset.code);
            out.i128(asset.supply);
        }
        put_count(&mut out, self.listings.len());
        for listing in self.listings.values() {
            put_listing(&mut out, listing);
        }
        self.put_accounts(&mut out);
        put_count(&mut out, self.deposits.len());
        for identity in &self.deposits {
            out.put(identity);
        }
        put_count(&mut out, self.withdrawals.len());
        for (id, withdrawal) in &self.withdrawals {
            out.u64(*id);
            out.u64(withdrawal.account);
            out.u32(withdrawal.asset);
            out.i128(withdrawal.amount);
        }
        self.put_sessions(&mut out);
        out
    }

    fn put_accounts(&self, out: &mut Vec<u8>) {
        let slots = self.accounts.slots_by_id();
        put_count(out, slots.len());
        for slot in slots {
            let account = self.accounts.at(slot);
            out.u64(account.id);
            out.i64(account.trade_group);
            out.u8(account.permissions);
            put_count(out, account.fees.len());
            for (instrument, rates) in &account.fees {
                out.u32(*instrument);
                out.i64(rates.maker);
                out.i64(rates.taker);
            }
            let kept = || account.balances.iter().filter(|(_, balance)| balance.available != 0 || balance.held != 0);
            put_count(out, kept().count());
            for (asset, balance) in kept() {
                out.u32(*asset);
                out.i128(balance.available);
                out.i128(balance.held);
            }
        }
    }

    fn put_sessions(&self, out: &mut Vec<u8>) {
        put_count(out, self.sessions.by_id.len());
        for (id, session) in &self.sessions.by_id {
            out.u64(*id);
            out.u64(session.low_water);
            out.i64(session.last_time);
            put_count(out, session.recorded.len());
            for (counter, sequence) in &session.recorded {
                out.u64(*counter);
                out.u64(*sequence);
            }
        }
    }
}

fn put_listing(out: &mut Vec<u8>, listing: &Listing) {
    listing.definition.write(out);
    let counters = &listing.counters;
    for last in [counters.order, counters.trade, counters.aggregate, counters.update] {
        out.u64(last);
    }
    out.u64(counters.execution);
    out.u64(counters.prevented_match);
    out.i64(listing.last_price);
    put_count(out, listing.window.len());
    for bucket in &listing.window {
        out.i64(bucket.minute);
        out.i128(bucket.quote);
        out.i128(bucket.quantity);
    }
    for side in [Side::Buy, Side::Sell] {
        put_count(out, listing.book.count(side));
        for order in listing.book.orders(side) {
            put_order(out, order);
        }
    }
}

fn put_order(out: &mut Vec<u8>, order: &Order) {
    out.u64(order.id);
    out.u64(order.account);
    out.u8(order.order_type.code());
    out.u8(order.time_in_force.code());
    out.u8(order.stp.code());
    out.u8(if order.has_strategy { ORDER_HAS_STRATEGY } else { 0 });
    out.i64(order.price);
    out.i64(order.quantity);
    out.i64(order.executed);
    out.i128(order.cumulative_quote);
    out.i64(order.prevented);
    out.i64(order.created_us);
    out.i64(order.working_us);
    out.i64(order.strategy_id);
    out.i32(order.strategy_type);
    out.text(&order.client_id);
}
