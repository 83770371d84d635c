//! Reading a snapshot back: refused as a whole unless everything in it is well formed and fits together.

use std::collections::BTreeMap;
use std::fmt;

use crate::accounts::{Account, Accounts, Balance, HOUSE};
use crate::codec::{Reader, Text};
use crate::commands::read_switch;
use crate::due::COUNTDOWN_US_MAX;
use crate::engine::{Asset, Engine};
use crate::funding::Withdrawal;
use crate::instruments::Rates;
use crate::limits::VenueRules;
use crate::sessions::{IN_FLIGHT_MAX, Session, Sessions};
use crate::snapshot::{MAGIC, VERSION, VERSION_2};
use crate::tariffs::Tier;
use crate::words::permission;
use crate::{AMOUNT_BOUND, UNIT};

/// Ids, counters and sequences stay below this, so that counting on cannot overflow.
pub const COUNTER_BOUND: u64 = 1 << 63;

/// Fewer bytes than any entry of a counted list takes in a snapshot.
const ENTRY_BYTES_MIN: usize = 16;

/// The bytes are not a snapshot that this engine could have written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotASnapshot(pub String);

impl fmt::Display for NotASnapshot {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "not a snapshot: {}", self.0)
    }
}

impl std::error::Error for NotASnapshot {}

/// Keep what holds, drop the rest: reads as a condition in the middle of `?`.
pub fn check(holds: bool) -> Option<()> {
    holds.then_some(())
}

/// Read a counted list whose keys must ascend.
pub fn read_ascending<'a, K: PartialOrd, V>(
    reader: &mut Reader<'a>,
    mut read: impl FnMut(&mut Reader<'a>) -> Option<(K, V)>,
) -> Option<Vec<(K, V)>> {
    let count = reader.u32()? as usize;
    // An entry takes some bytes at least, whatever the count says.
    let mut list: Vec<(K, V)> = Vec::with_capacity(count.min(reader.remaining() / ENTRY_BYTES_MIN));
    for _ in 0..count {
        let entry = read(reader)?;
        check(list.last().is_none_or(|last| last.0 < entry.0))?;
        list.push(entry);
    }
    Some(list)
}

/// Read a counted list, an entry at a time, whose keys must ascend.
fn for_ascending<'a>(reader: &mut Reader<'a>, mut read: impl FnMut(&mut Reader<'a>) -> Option<u32>) -> Option<()> {
    let mut last = None;
    for _ in 0..reader.u32()? {
        let key = Some(read(reader)?);
        check(last < key)?;
        last = key;
    }
    Some(())
}

impl Engine {
    /// Rebuild the engine whose snapshot these bytes are.
    pub fn restore(bytes: &[u8]) -> Result<Self, NotASnapshot> {
        let mut reader = Reader::new(bytes);
        let read = Self::read(&mut reader);
        let place = bytes.len() - reader.remaining();
        let engine = read.ok_or_else(|| NotASnapshot(format!("ill-formed at byte {place}")))?;
        if !reader.is_empty() {
            return Err(NotASnapshot(format!("something follows its end at byte {place}")));
        }
        engine.audit().map_err(NotASnapshot)?;
        Ok(engine)
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut engine = Self::new();
        check(reader.array()? == MAGIC)?;
        let (version, rules_version) = (reader.u16()?, reader.u32()?);
        check([(VERSION, 1), (VERSION_2, 2)].contains(&(version, rules_version)))?;
        engine.venue.rules_version = rules_version;
        engine.sequence = reader.u64().filter(|sequence| *sequence < COUNTER_BOUND)?;
        engine.time_us = reader.i64().filter(|time_us| *time_us >= 0)?;
        if engine.is_version_2() {
            engine.read_venue(reader)?;
        }
        engine.read_assets(reader)?;
        check(engine.are_tariffs_known())?;
        let open = engine.read_listings(reader)?;
        engine.accounts = read_accounts(reader, &engine)?;
        for account in engine.accounts.all().filter(|account| account.tier != 0) {
            engine.venue.tariffs.tiers.get_mut(&account.tier)?.accounts += 1;
        }
        engine.put_open(open)?;
        let deposits = read_ascending(reader, |reader| Some((reader.array::<32>()?, ())))?;
        engine.deposits = deposits.into_iter().map(|(identity, ())| identity).collect();
        engine.read_withdrawals(reader)?;
        if engine.is_version_2() {
            engine.read_heartbeats(reader)?;
        }
        engine.read_sessions(reader)?;
        Some(engine)
    }

    pub(crate) fn is_version_2(&self) -> bool {
        self.venue.rules_version >= 2
    }

    fn read_venue(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        self.venue.rules = VenueRules::read(reader)?;
        let tariffs = &mut self.venue.tariffs;
        tariffs.discount_asset = reader.u32()?;
        let rate_max = if tariffs.discount_asset == 0 { 0 } else { UNIT };
        tariffs.discount_rate = reader.i64().filter(|rate| (0..=rate_max).contains(rate))?;
        let prices = read_ascending(reader, |reader| {
            let asset = reader.u32()?;
            Some((asset, reader.i64().filter(|price| *price >= 1)?))
        })?;
        tariffs.discount_prices = prices.into_iter().collect();
        let tiers = read_ascending(reader, |reader| {
            let id = reader.u32().filter(|id| *id >= 1)?;
            let rates = Rates { maker: reader.i64()?, taker: reader.i64()? };
            check(rates.are_sound())?;
            Some((id, Tier { rates, accounts: 0 }))
        })?;
        tariffs.tiers = tiers.into_iter().collect();
        Some(())
    }

    fn are_tariffs_known(&self) -> bool {
        let tariffs = &self.venue.tariffs;
        let is_known = |asset: &u32| self.assets.contains_key(asset);
        (tariffs.discount_asset == 0 || is_known(&tariffs.discount_asset))
            && tariffs.discount_prices.keys().all(is_known)
    }

    fn read_heartbeats(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        let latest = self.time_us.saturating_add(COUNTDOWN_US_MAX);
        let heartbeats = read_ascending(reader, |reader| {
            let (account, instrument) = (reader.u64()?, reader.u32()?);
            check(self.accounts.slot(account).is_some())?;
            check(instrument == 0 || self.listings.contains_key(&instrument))?;
            Some(((account, instrument), reader.i64().filter(|deadline| (1..=latest).contains(deadline))?))
        })?;
        for ((account, instrument), deadline_us) in heartbeats {
            self.venue.heartbeats.set(account, instrument, Some(deadline_us));
        }
        Some(())
    }

    fn read_assets(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        let assets = read_ascending(reader, |reader| {
            let id = reader.u32().filter(|id| *id >= 1)?;
            let code: Text<16> = reader.text(1)?;
            let supply = reader.i128().filter(|supply| (0..AMOUNT_BOUND).contains(supply))?;
            if self.is_version_2() {
                let limit = reader.i128().filter(|limit| (0..AMOUNT_BOUND).contains(limit))?;
                self.venue.set_asset_limit(id, limit);
            }
            Some((id, Asset { code, supply }))
        })?;
        check(are_distinct(&mut assets.iter().map(|(_, asset)| asset.code.as_bytes())))?;
        self.assets = assets.into_iter().collect();
        Some(())
    }

    fn read_withdrawals(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        let withdrawals = read_ascending(reader, |reader| {
            let id = reader.u64()?;
            let held = Withdrawal { account: reader.u64()?, asset: reader.u32()?, amount: reader.i128()? };
            check(self.accounts.slot(held.account).is_some() && self.assets.contains_key(&held.asset))?;
            check((1..AMOUNT_BOUND).contains(&held.amount))?;
            Some((id, held))
        })?;
        self.withdrawals = withdrawals.into_iter().collect::<BTreeMap<_, _>>();
        Some(())
    }

    fn read_sessions(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        let (now, last_sequence) = (self.time_us, self.sequence);
        let sessions = read_ascending(reader, |reader| {
            let id = reader.u64()?;
            let low_water = reader.u64()?;
            let last_time = reader.i64().filter(|time| (0..=now).contains(time))?;
            let recorded = read_ascending(reader, |reader| {
                let counter = reader.u64().filter(|counter| *counter >= low_water.max(1))?;
                let sequence = reader.u64().filter(|sequence| (1..=last_sequence).contains(sequence))?;
                Some((counter, sequence))
            })?;
            check(recorded.len() <= IN_FLIGHT_MAX)?;
            Some((id, Session::new(low_water, last_time, recorded)))
        })?;
        self.sessions = Sessions::new(sessions);
        Some(())
    }
}

pub fn are_distinct(texts: &mut dyn Iterator<Item = &[u8]>) -> bool {
    let mut sorted: Vec<&[u8]> = texts.collect();
    sorted.sort_unstable();
    sorted.windows(2).all(|pair| pair[0] != pair[1])
}

fn read_accounts(reader: &mut Reader<'_>, engine: &Engine) -> Option<Accounts> {
    let count = reader.u32()? as usize;
    let mut accounts = Accounts::default();
    let mut last = 0;
    for _ in 0..count {
        let id = reader.u64().filter(|id| *id > last && (last > 0 || *id == HOUSE))?;
        last = id;
        let trade_group = reader.i64().filter(|group| *group >= -1)?;
        let permissions = reader.u8().filter(|permissions| *permissions <= permission::ALL)?;
        let mut account = Account::new(id, trade_group, permissions);
        if engine.is_version_2() {
            account.is_killed = read_switch(reader)?;
            account.uses_discount = read_switch(reader)?;
            account.tier = reader.u32()?;
            check(!account.is_killed || id != HOUSE)?;
        }
        for_ascending(reader, |reader| {
            let instrument = reader.u32()?;
            check(instrument == 0 || engine.listings.contains_key(&instrument))?;
            let rates = Rates { maker: reader.i64()?, taker: reader.i64()? };
            check(rates.are_sound())?;
            account.set_fee(instrument, Some(rates));
            Some(instrument)
        })?;
        for_ascending(reader, |reader| {
            let asset = reader.u32().filter(|asset| engine.assets.contains_key(asset))?;
            let balance = Balance { available: reader.i128()?, held: reader.i128()? };
            check(balance != Balance::default())?;
            account.set_balance(asset, balance);
            Some(asset)
        })?;
        accounts.open(account);
    }
    check(last > 0)?;
    Some(accounts)
}
