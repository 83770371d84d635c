//! Accounts: their permissions, fees and balances, and which balances the command in hand has touched.

use openbourse_book::prefetch_whole;
use smallvec::SmallVec;

use crate::events::Events;
use crate::instruments::Rates;
use crate::open::OpenCounts;
use crate::slot_table::{SlotTable, mixed};
use crate::words::permission;

/// The account that collects what the venue earns.
pub const HOUSE: u64 = 1;
/// The house is opened first (and has the lowest id in a snapshot), so it stands first.
pub const HOUSE_SLOT: u32 = 0;

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Balance {
    pub available: i128,
    pub held: i128,
}

#[derive(Clone, Debug)]
pub struct Account {
    pub id: u64,
    /// Accounts of one group never trade with each other unless the taker allows it; -1: none.
    pub trade_group: i64,
    pub permissions: u8,
    /// Its orders, lists and amendments are refused.
    pub is_killed: bool,
    pub uses_discount: bool,
    /// 0: none.
    pub tier: u32,
    /// What it has open at all instruments together.
    pub open: OpenCounts,
    pub open_lists: u32,
    /// By instrument ascending; 0 stands for every instrument.
    pub fees: Vec<(u32, Rates)>,
    /// By asset ascending.
    pub balances: SmallVec<[(u32, Balance); 2]>,
}

impl Account {
    pub fn new(id: u64, trade_group: i64, permissions: u8) -> Self {
        Self {
            id,
            trade_group,
            permissions,
            is_killed: false,
            uses_discount: false,
            tier: 0,
            open: OpenCounts::default(),
            open_lists: 0,
            fees: Vec::new(),
            balances: SmallVec::new(),
        }
    }

    pub fn may(&self, wanted: u8) -> bool {
        self.permissions & wanted != 0
    }

    pub fn balance(&self, asset: u32) -> Balance {
        match self.balances.binary_search_by_key(&asset, |entry| entry.0) {
            Ok(place) => self.balances[place].1,
            Err(_) => Balance::default(),
        }
    }

    fn balance_mut(&mut self, asset: u32) -> &mut Balance {
        let place = match self.balances.binary_search_by_key(&asset, |entry| entry.0) {
            Ok(place) => place,
            Err(place) => {
                self.balances.insert(place, (asset, Balance::default()));
                place
            }
        };
        &mut self.balances[place].1
    }

    /// Set or, with `None`, remove the rates for an instrument (0: for every one).
    pub fn set_fee(&mut self, instrument: u32, rates: Option<Rates>) {
        match (self.fees.binary_search_by_key(&instrument, |entry| entry.0), rates) {
            (Ok(place), Some(rates)) => self.fees[place].1 = rates,
            (Err(place), Some(rates)) => self.fees.insert(place, (instrument, rates)),
            (Ok(place), None) => {
                self.fees.remove(place);
            }
            (Err(_), None) => {}
        }
    }
}

/// A balance as it was before the command in hand changed it.
#[derive(Clone)]
struct Touched {
    account: u64,
    asset: u32,
    slot: u32,
    before: Balance,
}

#[derive(Clone, Default)]
pub struct Accounts {
    list: Vec<Account>,
    slots: SlotTable,
    touched: Vec<Touched>,
    /// What the command in hand brought into the venue or took out of it.
    supplied: Option<(u32, i128)>,
}

impl Accounts {
    /// The house alone.
    pub fn new() -> Self {
        let mut accounts = Self::default();
        accounts.open(Account::new(HOUSE, -1, 0));
        accounts
    }

    /// Add an account whose id is not taken.
    pub fn open(&mut self, account: Account) {
        let slot = u32::try_from(self.list.len()).expect("accounts are fewer than 2^32");
        self.slots.insert(mixed(account.id), slot);
        self.list.push(account);
    }

    #[inline]
    pub fn slot(&self, id: u64) -> Option<u32> {
        self.slots.find(mixed(id), |slot| self.list[slot as usize].id == id)
    }

    /// Do a little of what is left to do after growth.
    #[inline]
    pub fn tend(&mut self) {
        self.slots.move_some();
    }

    /// Ask for where an id's slot is.
    #[inline]
    pub fn prefetch_slot(&self, id: u64) {
        self.slots.prefetch(mixed(id));
    }

    /// Ask for the account that is likely the one with an id; answers its slot.
    #[inline]
    pub fn prefetch_account(&self, id: u64) -> Option<u32> {
        let slot = self.slots.find(mixed(id), |_| true)?;
        prefetch_whole(&self.list[slot as usize]);
        Some(slot)
    }

    #[inline]
    pub fn at(&self, slot: u32) -> &Account {
        &self.list[slot as usize]
    }

    #[inline]
    pub fn at_mut(&mut self, slot: u32) -> &mut Account {
        &mut self.list[slot as usize]
    }

    pub fn all(&self) -> &[Account] {
        &self.list
    }

    /// Every slot, by account id ascending.
    pub fn slots_by_id(&self) -> Vec<u32> {
        let mut ordered: Vec<(u64, u32)> =
            self.list.iter().zip(0..).map(|(account, slot)| (account.id, slot)).collect();
        ordered.sort_unstable();
        ordered.into_iter().map(|(_, slot)| slot).collect()
    }

    /// Whether the two are one account or of one trade group.
    #[inline]
    pub fn are_self(&self, one: u32, other: u32) -> bool {
        if one == other {
            return true;
        }
        let group = self.at(one).trade_group;
        group >= 0 && group == self.at(other).trade_group
    }

    /// Add to both parts of a balance.
    #[inline]
    pub fn change(&mut self, slot: u32, asset: u32, available: i128, held: i128) {
        if available == 0 && held == 0 {
            return;
        }
        let account = &mut self.list[slot as usize];
        let id = account.id;
        let balance = account.balance_mut(asset);
        // Only the first note of a balance counts; looking back a little keeps the list short in long sweeps.
        let is_noted = self.touched.iter().rev().take(8).any(|noted| noted.slot == slot && noted.asset == asset);
        if !is_noted {
            self.touched.push(Touched { account: id, asset, slot, before: *balance });
        }
        balance.available += available;
        balance.held += held;
    }

    /// Add to both parts of a balance what comes into the venue or leaves it.
    pub fn supply(&mut self, slot: u32, asset: u32, available: i128, held: i128) {
        self.supplied = Some((asset, available + held));
        self.change(slot, asset, available, held);
    }

    #[inline]
    pub fn hold(&mut self, slot: u32, asset: u32, amount: i128) {
        self.change(slot, asset, -amount, amount);
    }

    #[inline]
    pub fn release(&mut self, slot: u32, asset: u32, amount: i128) {
        self.change(slot, asset, amount, -amount);
    }

    /// Report every balance that differs from before the command, by account and asset.
    ///
    /// # Panics
    /// When a balance went below zero, or the changes of an asset do not sum up to what came in or went out: what no
    /// command may do is found before anybody is told of it.
    pub fn report_changes(&mut self, events: &mut Events) {
        if self.touched.is_empty() {
            assert!(self.supplied.is_none(), "a supply without a balance");
            return;
        }
        // Stable: among notes of one balance the first, which has the value from before the command, stays first.
        self.touched.sort_by_key(|noted| (noted.account, noted.asset));
        self.touched.dedup_by_key(|noted| (noted.account, noted.asset));
        let mut sums: SmallVec<[(u32, i128); 4]> = SmallVec::new();
        sums.extend(self.supplied.take().map(|(asset, amount)| (asset, -amount)));
        for noted in &self.touched {
            let now = self.list[noted.slot as usize].balance(noted.asset);
            if now == noted.before {
                continue;
            }
            assert!(now.available >= 0 && now.held >= 0, "a balance went below zero");
            let change = now.available - noted.before.available + now.held - noted.before.held;
            match sums.iter_mut().find(|(asset, _)| *asset == noted.asset) {
                Some((_, sum)) => *sum += change,
                None => sums.push((noted.asset, change)),
            }
            events.balance_changed(noted.account, noted.asset, noted.before, now);
        }
        assert!(sums.iter().all(|(_, sum)| *sum == 0), "the postings of a command do not balance");
        self.touched.clear();
    }

    /// Nothing was changed by a command that was refused.
    #[inline]
    pub fn assert_unchanged(&self) {
        assert!(self.touched.is_empty(), "a refused command changed a balance");
    }
}

/// What an account may do when it is opened.
pub const PERMISSIONS_AT_OPENING: u8 = permission::ALL;

#[cfg(test)]
mod tests {
    use super::*;

    fn venue() -> (Accounts, Events) {
        let mut accounts = Accounts::new();
        accounts.open(Account::new(2, -1, PERMISSIONS_AT_OPENING));
        accounts.supply(1, 7, 100, 0);
        let mut events = Events::default();
        accounts.report_changes(&mut events);
        (accounts, events)
    }

    #[test]
    fn balanced_changes_are_reported() {
        let (mut accounts, mut events) = venue();
        accounts.hold(1, 7, 60);
        accounts.change(1, 7, 0, -10);
        accounts.change(HOUSE_SLOT, 7, 10, 0);
        accounts.report_changes(&mut events);
        assert_eq!(accounts.at(1).balance(7), Balance { available: 40, held: 50 });
    }

    #[test]
    #[should_panic(expected = "do not balance")]
    fn money_from_nowhere_stops_the_engine() {
        let (mut accounts, mut events) = venue();
        accounts.change(1, 7, 1, 0);
        accounts.report_changes(&mut events);
    }

    #[test]
    #[should_panic(expected = "below zero")]
    fn a_balance_below_zero_stops_the_engine() {
        let (mut accounts, mut events) = venue();
        accounts.hold(1, 7, 101);
        accounts.report_changes(&mut events);
    }
}
