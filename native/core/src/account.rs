//! One account: its permissions, fees and balances, in two cache lines.

use smallvec::SmallVec;

use crate::instruments::Rates;
use crate::open::OpenCounts;

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Balance {
    pub available: i128,
    pub held: i128,
}

impl Balance {
    /// By how much it changes on the way to another one.
    #[inline(always)]
    pub fn to(self, later: Self) -> Self {
        Self { available: later.available - self.available, held: later.held - self.held }
    }
}

/// An amount as two words, so that what holds it need not align to sixteen bytes.
#[derive(Clone, Copy, Default, Debug)]
pub struct Wide([u64; 2]);

impl Wide {
    #[inline(always)]
    pub fn of(amount: i128) -> Self {
        Self([amount as u64, (amount >> 64) as u64])
    }

    #[inline(always)]
    pub fn get(self) -> i128 {
        i128::from(self.0[1].cast_signed()) << 64 | i128::from(self.0[0])
    }
}

/// What an account has of one asset.
#[derive(Clone, Copy, Default, Debug)]
pub struct Row {
    /// 0: nothing yet; no asset has that id.
    asset: u32,
    /// Where the command that changed it last noted it.
    pub noted: u32,
    pub available: Wide,
    pub held: Wide,
}

impl Row {
    #[inline(always)]
    fn new(asset: u32, balance: Balance) -> Self {
        Self { asset, noted: 0, available: Wide::of(balance.available), held: Wide::of(balance.held) }
    }

    #[inline(always)]
    pub fn balance(&self) -> Balance {
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

#[derive(Clone, Default, Debug)]
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
    pub fn row_mut(&mut self, asset: u32) -> &mut Row {
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
