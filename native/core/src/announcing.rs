//! The event frames that rules version 2 adds, order updates aside.

use crate::auction::Indication;
use crate::codec::{ClientId, Sink};
use crate::events::Events;
use crate::instruments::Rates;
use crate::limits::{InstrumentRules, VenueRules};
use crate::lists::OrderList;
use crate::words::{EventKind, ListStatus};

impl Events {
    pub fn list_updated(&mut self, instrument: u32, list: &OrderList, status: ListStatus, request_id: &ClientId) {
        let mut image = Vec::new();
        image.u64(list.account);
        image.u32(instrument);
        image.u64(list.id);
        image.u8(list.form.code());
        image.u8(status.code());
        image.text(&list.list_client_id);
        image.text(request_id);
        image.u8(u8::try_from(list.legs.len()).expect("a list has few legs"));
        for (order, client_id) in &list.legs {
            image.u64(*order);
            image.text(client_id);
        }
        self.event(EventKind::ListUpdated, image.len(), |body| body.put(&image));
    }

    pub fn instrument_rules_set(&mut self, rules: &InstrumentRules) {
        let mut image = Vec::new();
        rules.write(&mut image);
        self.event(EventKind::InstrumentRulesSet, image.len(), |body| body.put(&image));
    }

    /// A switch of an account: its kill switch, or whether it pays commissions in the discount asset.
    fn switched(&mut self, kind: EventKind, account: u64, is_on: bool) {
        self.event(kind, 9, |body| {
            body.u64(account);
            body.u8(u8::from(is_on));
        });
    }

    pub fn kill_switch_set(&mut self, account: u64, is_on: bool) {
        self.switched(EventKind::KillSwitchSet, account, is_on);
    }

    pub fn discount_used(&mut self, account: u64, is_on: bool) {
        self.switched(EventKind::DiscountUsed, account, is_on);
    }

    pub fn heartbeat_set(&mut self, account: u64, instrument: u32, deadline_us: i64) {
        self.event(EventKind::HeartbeatSet, 20, |body| {
            body.u64(account);
            body.u32(instrument);
            body.i64(deadline_us);
        });
    }

    pub fn heartbeat_missed(&mut self, account: u64, instrument: u32) {
        self.event(EventKind::HeartbeatMissed, 12, |body| {
            body.u64(account);
            body.u32(instrument);
        });
    }

    pub fn tier_defined(&mut self, tier: u32, rates: Rates) {
        self.event(EventKind::TierDefined, 20, |body| {
            body.u32(tier);
            body.i64(rates.maker);
            body.i64(rates.taker);
        });
    }

    pub fn tier_assigned(&mut self, account: u64, tier: u32) {
        self.event(EventKind::TierAssigned, 12, |body| {
            body.u64(account);
            body.u32(tier);
        });
    }

    /// A number of an asset: the discount's rate, or what the discount asset is worth in it.
    fn asset_number(&mut self, kind: EventKind, asset: u32, number: i64) {
        self.event(kind, 12, |body| {
            body.u32(asset);
            body.i64(number);
        });
    }

    pub fn discount_set(&mut self, asset: u32, rate: i64) {
        self.asset_number(EventKind::DiscountSet, asset, rate);
    }

    pub fn discount_price_set(&mut self, asset: u32, price: i64) {
        self.asset_number(EventKind::DiscountPriceSet, asset, price);
    }

    pub fn venue_rules_set(&mut self, rules: &VenueRules) {
        self.event(EventKind::VenueRulesSet, 16, |body| rules.write(body));
    }

    pub fn asset_limit_set(&mut self, asset: u32, limit: i128) {
        self.event(EventKind::AssetLimitSet, 20, |body| {
            body.u32(asset);
            body.i128(limit);
        });
    }

    pub fn auction_indicated(&mut self, instrument: u32, indication: &Indication) {
        self.event(EventKind::AuctionIndicated, 44, |body| {
            body.u32(instrument);
            body.i64(indication.price);
            body.i128(indication.quantity);
            body.i128(indication.imbalance);
        });
    }
}
