//! Accounts: their permissions, fees and balances, and which balances the command in hand has touched.

use openbourse_book::prefetch_whole;
use smallvec::SmallVec;

use crate::events::Events;
use crate::instruments::Rates;
use crate::open::OpenCounts;
use crate::slab::Slab;
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

/// An amount as two words, so that what holds it need not align to sixteen bytes.
#[derive(Clone, Copy, Default, Debug)]
struct Wide([u64; 2]);

impl Wide {
    #[inline(always)]
    fn of(amount: i128) -> Self {
        Self([amount as u64, (amount >> 64) as u64])
    }

    #[inline(always)]
    fn get(self) -> i128 {
        i128::from(self.0[1].cast_signed()) << 64 | i128::from(self.0[0])
    }
}

/// What an account has of one asset.
#[derive(Clone, Copy, Default, Debug)]
struct Row {
    /// 0: nothing yet; no asset has that id.
    asset: u32,
    available: Wide,
    held: Wide,
}

impl Row {
    #[inline(always)]
    fn new(asset: u32, balance: Balance) -> Self {
        Self { asset, available: Wide::of(balance.available), held: Wide::of(balance.held) }
    }

    #[inline(always)]
    fn balance(&self) -> Balance {
        Balance { available: self.available.get(), held: self.held.get() }
    }
}

/// How many balances stand in the account itself.
const ROWS_NEAR: usize = 2;

/// What few accounts have, kept apart so that the others stay two cache lines long.
#[derive(Clone, Default, Debug)]
struct More {
    /// By instrument ascending; 0 stands for every instrument.
    fees: Vec<(u32, Rates)>,
    /// Balances of further assets, by asset ascending.
    rows: Vec<Row>,
}

#[derive(Clone, Debug)]
#[repr(align(64))]
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
    more: Option<Box<More>>,
    /// Balances of the assets that it met first.
    rows: [Row; ROWS_NEAR],
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
            more: None,
            rows: [Row::default(); ROWS_NEAR],
        }
    }

    pub fn may(&self, wanted: u8) -> bool {
        self.permissions & wanted != 0
    }

    /// Its own rates by instrument ascending; 0 stands for every instrument.
    #[inline]
    pub fn fees(&self) -> &[(u32, Rates)] {
        self.more.as_ref().map_or(&[], |more| &more.fees)
    }

    #[inline]
    pub fn balance(&self, asset: u32) -> Balance {
        for row in &self.rows {
            if row.asset == asset {
                return row.balance();
            }
        }
        self.far_balance(asset)
    }

    #[inline(never)]
    fn far_balance(&self, asset: u32) -> Balance {
        let Some(more) = &self.more else { return Balance::default() };
        let place = more.rows.binary_search_by_key(&asset, |row| row.asset);
        place.map_or(Balance::default(), |place| more.rows[place].balance())
    }

    /// Every balance that it ever had, by asset ascending.
    pub fn balances(&self) -> SmallVec<[(u32, Balance); 4]> {
        let near = self.rows.iter().filter(|row| row.asset != 0);
        let far = self.more.iter().flat_map(|more| &more.rows);
        let mut all: SmallVec<_> = near.chain(far).map(|row| (row.asset, row.balance())).collect();
        all.sort_unstable_by_key(|(asset, _)| *asset);
        all
    }

    /// Give it the first balance of an asset.
    pub fn set_balance(&mut self, asset: u32, balance: Balance) {
        *self.row_mut(asset) = Row::new(asset, balance);
    }

    #[inline]
    fn row_mut(&mut self, asset: u32) -> &mut Row {
        match self.rows.iter().position(|row| row.asset == asset) {
            Some(place) => &mut self.rows[place],
            None => self.far_row_mut(asset),
        }
    }

    #[inline(never)]
    fn far_row_mut(&mut self, asset: u32) -> &mut Row {
        let new = Row::new(asset, Balance::default());
        if let Some(place) = self.rows.iter().position(|row| row.asset == 0) {
            self.rows[place] = new;
            return &mut self.rows[place];
        }
        let rows = &mut self.more.get_or_insert_default().rows;
        let place = match rows.binary_search_by_key(&asset, |row| row.asset) {
            Ok(place) => place,
            Err(place) => {
                rows.insert(place, new);
                place
            }
        };
        &mut rows[place]
    }

    /// Set or, with `None`, remove the rates for an instrument (0: for every one).
    pub fn set_fee(&mut self, instrument: u32, rates: Option<Rates>) {
        let place = self.fees().binary_search_by_key(&instrument, |entry| entry.0);
        let Some(rates) = rates else {
            if let (Ok(place), Some(more)) = (place, &mut self.more) {
                more.fees.remove(place);
            }
            return;
        };
        let fees = &mut self.more.get_or_insert_default().fees;
        match place {
            Ok(place) => fees[place].1 = rates,
            Err(place) => fees.insert(place, (instrument, rates)),
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
    list: Slab<Account>,
    slots: SlotTable,
    expected: u32,
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
        let hash = mixed(account.id);
        let slot = self.list.push(account);
        self.slots.insert(hash, slot);
    }

    /// Say where the account of the command in hand is likely found.
    #[inline]
    pub fn expect_at(&mut self, slot: Option<u32>) {
        self.expected = slot.unwrap_or(HOUSE_SLOT);
    }

    #[inline]
    pub fn slot(&self, id: u64) -> Option<u32> {
        if self.list.get(self.expected).is_some_and(|account| account.id == id) {
            return Some(self.expected);
        }
        self.slots.find(mixed(id), |slot| self.list[slot].id == id)
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
        prefetch_whole(&self.list[slot]);
        Some(slot)
    }

    /// Ask for the account in a slot.
    #[inline]
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
    #[inline]
    pub fn change(&mut self, slot: u32, asset: u32, available: i128, held: i128) {
        if available == 0 && held == 0 {
            return;
        }
        let account = &mut self.list[slot];
        let id = account.id;
        let row = account.row_mut(asset);
        let before = row.balance();
        // Only the first note of a balance counts; looking back a little keeps the list short in long sweeps.
        let is_noted = self.touched.iter().rev().take(8).any(|noted| noted.slot == slot && noted.asset == asset);
        if !is_noted {
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
        if self.touched.len() > 1 {
            // Stable: among notes of one balance the first, which has the value from before the command, stays first.
            self.touched.sort_by_key(|noted| (noted.account, noted.asset));
            self.touched.dedup_by_key(|noted| (noted.account, noted.asset));
        }
        let mut sums: SmallVec<[(u32, i128); 4]> = SmallVec::new();
        sums.extend(self.supplied.take().map(|(asset, amount)| (asset, -amount)));
        for noted in &self.touched {
            let now = self.list[noted.slot].balance(noted.asset);
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
    fn an_account_is_two_cache_lines_and_keeps_any_number_of_balances() {
        assert_eq!(size_of::<Account>(), 128);
        let mut account = Account::new(5, -1, 0);
        let amounts = [0, 1, -1, i128::from(u64::MAX), 1 << 95, (1 << 96) - 1, -(1 << 95)];
        for asset in [9, 4, 7, 1, 3] {
            for amount in amounts {
                let balance = Balance { available: amount, held: -amount };
                account.set_balance(asset, balance);
                assert_eq!(account.balance(asset), balance);
            }
        }
        let kept: Vec<u32> = account.balances().iter().map(|(asset, _)| *asset).collect();
        assert_eq!(kept, [1, 3, 4, 7, 9]);
        assert_eq!(account.balance(2), Balance::default());
    }

    #[test]
    fn rates_are_kept_by_instrument() {
        let mut account = Account::new(5, -1, 0);
        let rates = |maker| Rates { maker, taker: 0 };
        account.set_fee(3, None);
        for instrument in [3, 0, 2, 3] {
            account.set_fee(instrument, Some(rates(i64::from(instrument) + 1)));
        }
        account.set_fee(2, None);
        assert_eq!(account.fees(), [(0, rates(1)), (3, rates(4))]);
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
