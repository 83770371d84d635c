//! What holds for the whole venue: the rules in force, its bounds and tariffs, and what falls due at which time.

use std::collections::{BTreeMap, BTreeSet};

use crate::limits::VenueRules;
use crate::tariffs::Tariffs;

/// Accounts that must show that they are alive, by account and instrument (0: every one).
#[derive(Clone, Default, Debug)]
pub struct Heartbeats {
    pub by_account: BTreeMap<(u64, u32), i64>,
    by_deadline: BTreeSet<(i64, u64, u32)>,
}

impl Heartbeats {
    /// Set a deadline or, with `None`, remove it.
    pub fn set(&mut self, account: u64, instrument: u32, deadline_us: Option<i64>) {
        let before = match deadline_us {
            Some(deadline_us) => self.by_account.insert((account, instrument), deadline_us),
            None => self.by_account.remove(&(account, instrument)),
        };
        if let Some(before) = before {
            self.by_deadline.remove(&(before, account, instrument));
        }
        if let Some(deadline_us) = deadline_us {
            self.by_deadline.insert((deadline_us, account, instrument));
        }
    }

    /// Those whose deadline has come, by deadline, account and instrument.
    pub fn missed(&self, time_us: i64) -> Vec<(u64, u32)> {
        let due = self.by_deadline.range(..=(time_us, u64::MAX, u32::MAX));
        due.map(|(_, account, instrument)| (*account, *instrument)).collect()
    }
}

#[derive(Clone, Debug)]
pub struct Venue {
    /// The version of the rules in force.
    pub rules_version: u32,
    pub rules: VenueRules,
    pub tariffs: Tariffs,
    /// By asset; what has no limit is left out.
    pub asset_limits: BTreeMap<u32, i128>,
    /// Open orders that end by themselves: (time, instrument, order).
    pub expiries: BTreeSet<(i64, u32, u64)>,
    pub heartbeats: Heartbeats,
}

impl Venue {
    pub fn new(rules_version: u32) -> Self {
        Self {
            rules_version,
            rules: VenueRules::default(),
            tariffs: Tariffs::default(),
            asset_limits: BTreeMap::new(),
            expiries: BTreeSet::new(),
            heartbeats: Heartbeats::default(),
        }
    }

    /// Set the limit of an asset; 0 removes it.
    pub fn set_asset_limit(&mut self, asset: u32, limit: i128) {
        if limit == 0 {
            self.asset_limits.remove(&asset);
        } else {
            self.asset_limits.insert(asset, limit);
        }
    }

    /// Whether an amount of an asset is more than one order may be about.
    pub fn exceeds_limit(&self, asset: u32, amount: i128) -> bool {
        self.asset_limits.get(&asset).is_some_and(|limit| amount > *limit)
    }

    /// The first time at which something falls due.
    pub fn due_us(&self) -> Option<i64> {
        let expiry = self.expiries.first().map(|(expires_us, ..)| *expires_us);
        let deadline = self.heartbeats.by_deadline.first().map(|(deadline_us, ..)| *deadline_us);
        [expiry, deadline].into_iter().flatten().min()
    }
}
