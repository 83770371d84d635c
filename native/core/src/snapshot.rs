//! The canonical image of all state: equal states give equal bytes (section 7; rules 2, section 9).

use crate::auction::Indication;
use crate::codec::Sink;
use crate::engine::Engine;
use crate::events::ORDER_HAS_STRATEGY;
use crate::listings::Listing;
use crate::lists::Lists;
use crate::orders::{Extra, Order, Place};
use crate::triggers::Triggers;
use crate::venue::Venue;
use crate::words::Side;

pub const MAGIC: [u8; 4] = *b"OBSN";
/// Under rules 1.
pub const VERSION: u16 = 1;
/// Under rules 2.
pub const VERSION_2: u16 = 2;

fn put_count(out: &mut Vec<u8>, count: usize) {
    out.u32(u32::try_from(count).expect("collections hold fewer than 2^32"));
}

impl Engine {
    /// Write the whole state, canonically.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.put(&MAGIC);
        let is_version_2 = self.venue.rules_version >= 2;
        out.u16(if is_version_2 { VERSION_2 } else { VERSION });
        out.u32(self.venue.rules_version);
        out.u64(self.sequence);
        out.i64(self.time_us);
        if is_version_2 {
            put_venue(&mut out, &self.venue);
        }
        put_count(&mut out, self.assets.len());
        for (id, asset) in &self.assets {
            out.u32(*id);
            out.text(&asset.code);
            out.i128(asset.supply);
            if is_version_2 {
                out.i128(self.venue.asset_limits.get(id).copied().unwrap_or(0));
            }
        }
        let ids: Vec<u64> = self.accounts.all().map(|account| account.id).collect();
        put_count(&mut out, self.listings.len());
        for listing in self.listings.values() {
            put_listing(&mut out, listing, is_version_2, &ids);
        }
        self.put_accounts(&mut out, is_version_2);
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
        if is_version_2 {
            self.put_heartbeats(&mut out);
        }
        self.put_sessions(&mut out);
        out
    }

    fn put_heartbeats(&self, out: &mut Vec<u8>) {
        let heartbeats = &self.venue.heartbeats.by_account;
        put_count(out, heartbeats.len());
        for ((account, instrument), deadline_us) in heartbeats {
            out.u64(*account);
            out.u32(*instrument);
            out.i64(*deadline_us);
        }
    }

    fn put_accounts(&self, out: &mut Vec<u8>, is_version_2: bool) {
        let slots = self.accounts.slots_by_id();
        put_count(out, slots.len());
        for slot in slots {
            let account = self.accounts.at(slot);
            out.u64(account.id);
            out.i64(account.trade_group);
            out.u8(account.permissions);
            if is_version_2 {
                out.u8(u8::from(account.is_killed));
                out.u8(u8::from(account.uses_discount));
                out.u32(account.tier);
            }
            put_count(out, account.fees().len());
            for (instrument, rates) in account.fees() {
                out.u32(*instrument);
                out.i64(rates.maker);
                out.i64(rates.taker);
            }
            let balances = account.balances();
            let kept = || balances.iter().filter(|(_, balance)| balance.available != 0 || balance.held != 0);
            put_count(out, kept().count());
            for (asset, balance) in kept() {
                out.u32(*asset);
                out.i128(balance.available);
                out.i128(balance.held);
            }
        }
    }

    fn put_sessions(&self, out: &mut Vec<u8>) {
        put_count(out, self.sessions.len());
        for (id, session) in self.sessions.iter() {
            out.u64(*id);
            out.u64(session.low_water);
            out.i64(session.last_time);
            let recorded = session.recorded();
            put_count(out, recorded.len());
            for (counter, sequence) in recorded {
                out.u64(*counter);
                out.u64(*sequence);
            }
        }
    }
}

fn put_venue(out: &mut Vec<u8>, venue: &Venue) {
    venue.rules.write(out);
    let tariffs = &venue.tariffs;
    out.u32(tariffs.discount_asset);
    out.i64(tariffs.discount_rate);
    put_count(out, tariffs.discount_prices.len());
    for (asset, price) in &tariffs.discount_prices {
        out.u32(*asset);
        out.i64(*price);
    }
    put_count(out, tariffs.tiers.len());
    for (id, tier) in &tariffs.tiers {
        out.u32(*id);
        out.i64(tier.rates.maker);
        out.i64(tier.rates.taker);
    }
}

/// `ids` are those of all accounts, by slot.
fn put_listing(out: &mut Vec<u8>, listing: &Listing, is_version_2: bool, ids: &[u64]) {
    listing.definition.write(out);
    if is_version_2 {
        listing.rules.write(out);
    }
    let counters = &listing.counters;
    for last in [counters.order, counters.trade, counters.aggregate, counters.update] {
        out.u64(last);
    }
    out.u64(counters.execution);
    out.u64(counters.prevented_match);
    if is_version_2 {
        out.u64(counters.list);
    }
    out.i64(listing.last_price);
    put_count(out, listing.window.len());
    for bucket in &listing.window {
        out.i64(bucket.minute);
        out.i128(bucket.quote);
        out.i128(bucket.quantity);
    }
    if is_version_2 {
        put_indication(out, listing.indication.as_ref());
    }
    let id_of = |order: &Order| ids[order.account_slot as usize];
    for side in [Side::Buy, Side::Sell] {
        put_count(out, listing.book.orders(&listing.open, side).count());
        for order in listing.book.orders(&listing.open, side) {
            if is_version_2 {
                put_order_2(out, order, id_of(order), &listing.triggers);
            } else {
                put_order(out, order, id_of(order));
            }
        }
    }
    if is_version_2 {
        let off_book = listing.open.off_book();
        put_count(out, off_book.len());
        for order in off_book {
            put_order_2(out, order, id_of(order), &listing.triggers);
        }
        put_lists(out, &listing.lists);
    }
}

fn put_indication(out: &mut Vec<u8>, indication: Option<&Indication>) {
    out.u8(u8::from(indication.is_some()));
    if let Some(indication) = indication {
        out.i64(indication.price);
        out.i128(indication.quantity);
        out.i128(indication.imbalance);
    }
}

fn put_lists(out: &mut Vec<u8>, lists: &Lists) {
    put_count(out, lists.by_id.len());
    for list in lists.by_id.values() {
        out.u64(list.id);
        out.u64(list.account);
        out.u8(list.form.code());
        out.u8(u8::try_from(list.legs.len()).expect("a list has few legs"));
        list.legs.iter().for_each(|(order, _)| out.u64(*order));
        list.legs.iter().for_each(|(_, client_id)| out.text(client_id));
        out.text(&list.list_client_id);
    }
}

fn put_order(out: &mut Vec<u8>, order: &Order, account: u64) {
    out.u64(order.id);
    out.u64(account);
    out.u8(order.order_type.code());
    put_order_core(out, order);
}

/// What both versions have of an order, from its time in force to its client id.
fn put_order_core(out: &mut Vec<u8>, order: &Order) {
    out.u8(order.time_in_force().code());
    out.u8(order.stp().code());
    out.u8(if order.strategy().is_some() { ORDER_HAS_STRATEGY } else { 0 });
    out.i64(order.price);
    out.i64(order.quantity);
    out.i64(order.executed);
    out.i128(order.cumulative_quote());
    out.i64(order.prevented());
    out.i64(order.created_us);
    out.i64(order.working_us());
    let (strategy_id, strategy_type) = order.strategy().unwrap_or((0, 0));
    out.i64(strategy_id);
    out.i32(strategy_type);
    out.text(&order.client_id);
}

fn put_order_2(out: &mut Vec<u8>, order: &Order, account: u64, triggers: &Triggers) {
    out.u64(order.id);
    out.u64(account);
    out.u8(order.place() as u8);
    out.u8(order.side.code());
    out.u8(order.order_type.code());
    put_order_core(out, order);
    out.i128(order.held());
    out.i64(if order.place() == Place::OnBook { order.visible() } else { 0 });
    let none = Extra::default();
    let extra = order.extra.as_deref().unwrap_or(&none);
    out.i64(extra.stop_price);
    out.u32(extra.trailing_delta);
    out.i64(extra.trailing_us);
    out.i64(triggers.extreme_of(order));
    out.i64(extra.iceberg);
    let (peg_type, peg_offset) = extra.peg.map_or((0, 0), |(peg_type, offset)| (peg_type.code(), offset));
    out.u8(peg_type);
    out.u8(peg_offset);
    out.i64(extra.sent_price);
    out.u64(extra.list);
    out.i64(extra.expires_us);
    out.u32(extra.amends);
    out.i64(extra.basis);
}
