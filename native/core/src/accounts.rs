//! All accounts, and which balances the command in hand has touched.

use openbourse_book::prefetch_whole;
use smallvec::SmallVec;

use crate::account::Wide;
pub use crate::account::{Account, Balance};
use crate::account_index::AccountIndex;
use crate::events::Events;
use crate::orders::Order;
use crate::slab::Slab;
use crate::words::permission;

/// The account that collects what the venue earns.
pub const HOUSE: u64 = 1;
/// The house is opened first (and has the lowest id in a snapshot), so it stands first.
pub const HOUSE_SLOT: u32 = 0;

/// How many balances a command that trades usually changes, at most.
const NOTES_USUAL: usize = 16;

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
    list: Slab<Account>,
    slots: AccountIndex,
    expected: u32,
    /// How many orders are open at all instruments.
    open_orders: usize,
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
        let id = account.id;
        let slot = self.list.push(account);
        self.slots.insert(id, slot);
    }

    /// Say where the account of the command in hand is likely found.
    #[inline]
    pub fn expect_at(&mut self, slot: u32) {
        self.expected = slot;
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn open_orders(&self) -> usize {
        self.open_orders
    }

    /// Count an order that becomes open.
    #[inline(always)]
    pub fn count_in(&mut self, order: &Order) {
        self.open_orders += 1;
        self.list[order.account_slot].open.add(order);
    }

    /// Count an order that is open no more.
    #[inline(always)]
    pub fn count_out(&mut self, order: &Order) {
        self.open_orders -= 1;
        self.list[order.account_slot].open.remove(order);
    }

    #[inline(always)]
    pub fn slot(&self, id: u64) -> Option<u32> {
        if self.list.get(self.expected).is_some_and(|account| account.id == id) {
            return Some(self.expected);
        }
        self.find(id)
    }

    #[inline(never)]
    fn find(&self, id: u64) -> Option<u32> {
        self.slots.find(id, |slot| self.list[slot].id == id)
    }

    /// Do a little of what is left to do after growth.
    #[inline]
    pub fn tend(&mut self) {
        self.slots.tend();
    }

    /// Ask for where an id's slot is.
    #[inline(always)]
    pub fn prefetch_slot(&self, id: u64) {
        self.slots.prefetch(id);
    }

    /// Ask for the account that is likely the one with an id; answers its slot.
    #[inline(always)]
    pub fn prefetch_account(&self, id: u64) -> Option<u32> {
        let slot = self.slots.first(id)?;
        self.prefetch_at(slot);
        Some(slot)
    }

    /// Ask for the account in a slot.
    #[inline(always)]
    pub fn prefetch_at(&self, slot: u32) {
        if let Some(account) = self.list.get(slot) {
            prefetch_whole(account);
        }
    }

    #[inline]
    pub fn at(&self, slot: u32) -> &Account {
        &self.list[slot]
    }

    #[inline]
    pub fn at_mut(&mut self, slot: u32) -> &mut Account {
        &mut self.list[slot]
    }

    /// Every account, by slot.
    pub fn all(&self) -> impl Iterator<Item = &Account> {
        self.list.iter()
    }

    /// Every slot, by account id ascending.
    pub fn slots_by_id(&self) -> Vec<u32> {
        let mut ordered: Vec<(u64, u32)> = self.all().zip(0..).map(|(account, slot)| (account.id, slot)).collect();
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
    pub fn change(&mut self, slot: u32, asset: u32, available: i128, held: i128) {
        if available != 0 || held != 0 {
            self.change_row(slot, asset, available, held);
        }
    }

    #[inline(always)]
    fn change_row(&mut self, slot: u32, asset: u32, available: i128, held: i128) {
        let account = &mut self.list[slot];
        let id = account.id;
        let row = account.row_mut(asset);
        let before = row.balance();
        // A balance is noted once, as it was at first. What its row remembers may be from another command.
        let noted = self.touched.get(row.noted as usize);
        if noted.is_none_or(|noted| noted.slot != slot || noted.asset != asset) {
            row.noted = self.touched.len() as u32;
            self.touched.push(Touched { account: id, asset, slot, before });
        }
        row.available = Wide::of(before.available + available);
        row.held = Wide::of(before.held + held);
    }

    /// Add to both parts of a balance what comes into the venue or leaves it.
    pub fn supply(&mut self, slot: u32, asset: u32, available: i128, held: i128) {
        self.supplied = Some((asset, available + held));
        self.change(slot, asset, available, held);
    }

    /// Move an amount from what is available to what is held.
    #[inline(always)]
    pub fn hold(&mut self, slot: u32, asset: u32, amount: i128) {
        if amount != 0 {
            self.change_row(slot, asset, -amount, amount);
        }
    }

    /// Move an amount from what is held to what is available.
    #[inline(always)]
    pub fn release(&mut self, slot: u32, asset: u32, amount: i128) {
        if amount != 0 {
            self.change_row(slot, asset, amount, -amount);
        }
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
        if let ([noted], None) = (&self.touched[..], self.supplied) {
            // The usual case: an order takes or gives back its hold.
            let now = self.list[noted.slot].balance(noted.asset);
            if now != noted.before {
                let change = noted.before.to(now);
                assert!(now.available >= 0 && now.held >= 0, "a balance went below zero");
                assert!(change.available + change.held == 0, "the postings of a command do not balance");
                events.balance_changed(noted.account, noted.asset, now, change);
            }
            self.touched.clear();
            return;
        }
        self.report_many(events);
    }

    #[inline(never)]
    fn report_many(&mut self, events: &mut Events) {
        let mut order: SmallVec<[(u64, u32, u32); NOTES_USUAL]> = SmallVec::new();
        order.extend(self.touched.iter().zip(0..).map(|(noted, place)| (noted.account, noted.asset, place)));
        order.sort_unstable();
        let mut sums: SmallVec<[(u32, i128); 4]> = SmallVec::new();
        sums.extend(self.supplied.take().map(|(asset, amount)| (asset, -amount)));
        for (account, asset, place) in order {
            let noted = &self.touched[place as usize];
            let now = self.list[noted.slot].balance(asset);
            if now == noted.before {
                continue;
            }
            assert!(now.available >= 0 && now.held >= 0, "a balance went below zero");
            let change = noted.before.to(now);
            let both = change.available + change.held;
            match sums.iter_mut().find(|(known, _)| *known == asset) {
                Some((_, sum)) => *sum += both,
                None => sums.push((asset, both)),
            }
            events.balance_changed(account, asset, now, change);
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
