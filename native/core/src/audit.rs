//! The invariants of section 8 and, for rules 2, section 10, recomputed from the whole state.

use std::collections::{BTreeMap, BTreeSet};

use smallvec::SmallVec;

use crate::AMOUNT_BOUND;
use crate::engine::Engine;
use crate::open::OpenCounts;

/// What each account holds of each asset, by the account's slot.
pub struct Holds(Vec<SmallVec<[(u32, i128); 2]>>);

impl Holds {
    fn new(accounts: usize) -> Self {
        Self(vec![SmallVec::new(); accounts])
    }

    pub fn add(&mut self, account_slot: u32, asset: u32, amount: i128) -> Result<(), String> {
        let held = self.0.get_mut(account_slot as usize).ok_or("a hold of no account")?;
        match held.iter_mut().find(|(known, _)| *known == asset) {
            Some((_, sum)) => add(sum, amount),
            None => {
                held.push((asset, amount));
                Ok(())
            }
        }
    }

    /// Take out what an account holds of an asset.
    fn take(&mut self, account_slot: usize, asset: u32) -> i128 {
        let found = self.0[account_slot].iter_mut().find(|(known, _)| *known == asset);
        found.map_or(0, |(_, amount)| std::mem::take(amount))
    }
}

impl Engine {
    /// Recompute every invariant; `Err` says which one is broken, where.
    pub fn audit(&self) -> Result<(), String> {
        let mut holds = Holds::new(self.accounts.all().count());
        for listing in self.listings.values() {
            listing.audit(&mut holds)?;
        }
        for withdrawal in self.withdrawals.values() {
            let slot = self.accounts.slot(withdrawal.account).ok_or("a withdrawal of no account")?;
            holds.add(slot, withdrawal.asset, withdrawal.amount)?;
        }
        self.audit_counts()?;
        self.audit_balances(holds)
    }

    /// What is counted and indexed for the whole venue agrees with the open orders and lists.
    fn audit_counts(&self) -> Result<(), String> {
        let mut counts = vec![(OpenCounts::default(), 0); self.accounts.all().count()];
        let mut expiries = BTreeSet::new();
        for (instrument, listing) in self.listings.iter() {
            for order in listing.open.all() {
                counts[order.account_slot as usize].0.add(order);
                if order.expires_us() > 0 {
                    expiries.insert((order.expires_us(), *instrument, order.id));
                }
            }
            for list in listing.lists.by_id.values() {
                counts[list.account_slot as usize].1 += 1;
            }
        }
        if expiries != self.venue.expiries {
            return Err("the orders good till a time are not those that are known to be".to_owned());
        }
        let mut tiers: BTreeMap<u32, u32> = BTreeMap::new();
        for (account, counted) in self.accounts.all().zip(counts) {
            if (account.open, account.open_lists) != counted {
                return Err(format!("account {}: open orders or lists are miscounted", account.id));
            }
            *tiers.entry(account.tier).or_default() += 1;
        }
        let is_miscounted = |(id, accounts): (&u32, u32)| tiers.get(id).copied().unwrap_or(0) != accounts;
        if self.venue.tariffs.tiers.iter().any(|(id, tier)| is_miscounted((id, tier.accounts))) {
            return Err("the accounts of a tier are miscounted".to_owned());
        }
        Ok(())
    }

    fn audit_balances(&self, mut holds: Holds) -> Result<(), String> {
        let mut supplies: BTreeMap<u32, i128> = self.assets.keys().map(|asset| (*asset, 0)).collect();
        for (slot, account) in self.accounts.all().enumerate() {
            for (asset, balance) in &account.balances() {
                let id = account.id;
                let bounds = 0..AMOUNT_BOUND;
                if !bounds.contains(&balance.available) || !bounds.contains(&balance.held) {
                    return Err(format!("account {id}, asset {asset}: a balance is negative or too large"));
                }
                if balance.held != holds.take(slot, *asset) {
                    return Err(format!("account {id}, asset {asset}: held differs from orders and withdrawals"));
                }
                let supply = supplies.get_mut(asset).ok_or(format!("account {id}: unknown asset {asset}"))?;
                add(supply, balance.available + balance.held)?;
            }
        }
        if let Some((asset, _)) = holds.0.iter().flatten().find(|(_, amount)| *amount != 0) {
            return Err(format!("asset {asset}: a hold without a balance"));
        }
        for (id, asset) in &self.assets {
            if supplies[id] != asset.supply {
                return Err(format!("asset {id}: balances sum to {}, supply is {}", supplies[id], asset.supply));
            }
        }
        Ok(())
    }
}

pub fn add(sum: &mut i128, amount: i128) -> Result<(), String> {
    *sum = sum.checked_add(amount).ok_or("a sum left its range")?;
    Ok(())
}
