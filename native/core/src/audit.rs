//! The invariants of section 8 and, for rules 2, section 10, recomputed from the whole state.

use std::collections::{BTreeMap, BTreeSet};

use crate::AMOUNT_BOUND;
use crate::engine::Engine;
use crate::open::OpenCounts;

/// What each account holds of each asset.
pub type Holds = BTreeMap<(u64, u32), i128>;

impl Engine {
    /// Recompute every invariant; `Err` says which one is broken, where.
    pub fn audit(&self) -> Result<(), String> {
        let mut holds = Holds::new();
        for listing in self.listings.values() {
            listing.audit(&mut holds)?;
        }
        for withdrawal in self.withdrawals.values() {
            add(holds.entry((withdrawal.account, withdrawal.asset)).or_default(), withdrawal.amount)?;
        }
        self.audit_counts()?;
        self.audit_balances(holds)
    }

    /// What is counted and indexed for the whole venue agrees with the open orders and lists.
    fn audit_counts(&self) -> Result<(), String> {
        let mut counts: BTreeMap<u32, (OpenCounts, u32)> = BTreeMap::new();
        let mut expiries = BTreeSet::new();
        for (instrument, listing) in self.listings.iter() {
            for order in listing.open.all() {
                counts.entry(order.account_slot).or_default().0.add(order);
                if order.expires_us() > 0 {
                    expiries.insert((order.expires_us(), *instrument, order.id));
                }
            }
            for list in listing.lists.by_id.values() {
                counts.entry(list.account_slot).or_default().1 += 1;
            }
        }
        if expiries != self.venue.expiries {
            return Err("the orders good till a time are not those that are known to be".to_owned());
        }
        let mut tiers: BTreeMap<u32, u32> = BTreeMap::new();
        for (account, slot) in self.accounts.all().iter().zip(0..) {
            let counted = counts.get(&slot).copied().unwrap_or_default();
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
        for account in self.accounts.all() {
            for (asset, balance) in &account.balances {
                let id = account.id;
                let bounds = 0..AMOUNT_BOUND;
                if !bounds.contains(&balance.available) || !bounds.contains(&balance.held) {
                    return Err(format!("account {id}, asset {asset}: a balance is negative or too large"));
                }
                if balance.held != holds.remove(&(id, *asset)).unwrap_or(0) {
                    return Err(format!("account {id}, asset {asset}: held differs from orders and withdrawals"));
                }
                let supply = supplies.get_mut(asset).ok_or(format!("account {id}: unknown asset {asset}"))?;
                add(supply, balance.available + balance.held)?;
            }
        }
        if let Some(((account, asset), _)) = holds.into_iter().find(|(_, amount)| *amount != 0) {
            return Err(format!("account {account}, asset {asset}: a hold without a balance"));
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
