//! The invariants of section 8, recomputed from the whole state.

use std::collections::{BTreeMap, BTreeSet};

use crate::AMOUNT_BOUND;
use crate::engine::Engine;
use crate::listings::Listing;
use crate::words::Side;

/// What each account holds of each asset.
type Holds = BTreeMap<(u64, u32), i128>;

impl Engine {
    /// Recompute every invariant; `Err` says which one is broken, where.
    pub fn audit(&self) -> Result<(), String> {
        let mut holds = Holds::new();
        for listing in self.listings.values() {
            audit_book(listing, &mut holds)?;
        }
        for withdrawal in self.withdrawals.values() {
            add(holds.entry((withdrawal.account, withdrawal.asset)).or_default(), withdrawal.amount)?;
        }
        self.audit_balances(holds)
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

fn add(sum: &mut i128, amount: i128) -> Result<(), String> {
    *sum = sum.checked_add(amount).ok_or("a sum left its range")?;
    Ok(())
}

fn audit_book(listing: &Listing, holds: &mut Holds) -> Result<(), String> {
    let definition = &listing.definition;
    let instrument = definition.instrument;
    let mut client_ids = BTreeSet::new();
    for (side, asset) in [(Side::Buy, definition.quote), (Side::Sell, definition.base)] {
        for level in listing.book.levels_from_best(side) {
            let mut last_id = 0;
            let mut total = 0;
            for order in listing.book.orders_of(level) {
                let wrong = |what: &str| Err(format!("instrument {instrument}, order {}: {what}", order.id));
                if order.id <= last_id {
                    return wrong("not in arrival order");
                }
                if order.remaining() <= 0 {
                    return wrong("nothing remains");
                }
                if order.held != order.hold_of(order.remaining()) {
                    return wrong("holds another amount than it can spend");
                }
                if !client_ids.insert((order.account, order.client_id.as_bytes().to_vec())) {
                    return wrong("its client id is taken");
                }
                last_id = order.id;
                add(&mut total, i128::from(order.remaining()))?;
                add(holds.entry((order.account, asset)).or_default(), order.held)?;
            }
            if total != level.total {
                return Err(format!("instrument {instrument}: a level's total differs from its orders"));
            }
        }
    }
    let (bid, ask) = (listing.book.best_price(Side::Buy), listing.book.best_price(Side::Sell));
    if let (Some(bid), Some(ask)) = (bid, ask)
        && bid >= ask
    {
        return Err(format!("instrument {instrument}: crossed at rest"));
    }
    Ok(())
}
