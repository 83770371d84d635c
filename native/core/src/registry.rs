//! What operators define: assets, instruments, accounts, permissions, fees and the rules version.

use crate::accounts::{Account, PERMISSIONS_AT_OPENING};
use crate::codec::Text;
use crate::engine::{Asset, Engine, RULES_VERSION_MAX};
use crate::instruments::{Definition, Rates};
use crate::listings::Listing;
use crate::words::{InstrumentStatus, Reason};

impl Engine {
    pub(crate) fn create_asset(&mut self, asset: u32, code: Text<16>) -> Result<(), Reason> {
        if asset == 0 {
            return Err(Reason::InvalidDefinition);
        }
        if self.assets.contains_key(&asset) || self.assets.values().any(|known| known.code == code) {
            return Err(Reason::AlreadyExists);
        }
        self.assets.insert(asset, Asset { code, supply: 0 });
        self.events.asset_created(asset, &code);
        Ok(())
    }

    pub(crate) fn list_instrument(&mut self, definition: Definition) -> Result<(), Reason> {
        let is_symbol_taken = |listing: &Listing| listing.definition.symbol == definition.symbol;
        if self.listings.contains_key(&definition.instrument) || self.listings.values().any(is_symbol_taken) {
            return Err(Reason::AlreadyExists);
        }
        self.check_definition(&definition)?;
        self.events.instrument_defined(&definition);
        let listing = self.listings.insert(definition.instrument, Listing::new(definition));
        listing.announce_indication(&mut self.events, self.time_us);
        Ok(())
    }

    pub(crate) fn check_definition(&self, definition: &Definition) -> Result<(), Reason> {
        let assets_exist = self.assets.contains_key(&definition.base) && self.assets.contains_key(&definition.quote);
        if assets_exist && definition.is_sound(self.venue.rules_version) {
            Ok(())
        } else {
            Err(Reason::InvalidDefinition)
        }
    }

    pub(crate) fn change_instrument(&mut self, wanted: Definition) -> Result<(), Reason> {
        let listing = self.listings.get(&wanted.instrument).ok_or(Reason::UnknownInstrument)?;
        let current = &listing.definition;
        if (current.symbol, current.base, current.quote) != (wanted.symbol, wanted.base, wanted.quote) {
            return Err(Reason::InvalidDefinition);
        }
        self.check_definition(&wanted)?;
        let is_grid_kept = current.tick == wanted.tick && current.step == wanted.step;
        if !is_grid_kept && !listing.open.is_empty() {
            return Err(Reason::InstrumentHasOrders);
        }
        let listing = self.listings.get_mut(&wanted.instrument).ok_or(Reason::UnknownInstrument)?;
        let status = listing.definition.status;
        listing.definition = Definition { status, ..wanted };
        self.events.instrument_defined(&listing.definition);
        Ok(())
    }

    pub(crate) fn set_instrument_status(&mut self, instrument: u32, status: InstrumentStatus) -> Result<(), Reason> {
        let mut turn = self.turn_at(instrument)?;
        turn.listing.definition.status = status;
        turn.events.instrument_status_changed(instrument, status);
        if status != InstrumentStatus::Auction {
            turn.listing.indication = None;
        }
        if status == InstrumentStatus::Trading && turn.listing.book.is_crossed() {
            turn.uncross();
        }
        turn.finish();
        Ok(())
    }

    pub(crate) fn open_account(&mut self, account: u64, trade_group: i64) -> Result<(), Reason> {
        if account == 0 || trade_group < -1 {
            return Err(Reason::InvalidDefinition);
        }
        if self.accounts.slot(account).is_some() {
            return Err(Reason::AlreadyExists);
        }
        self.accounts.open(Account::new(account, trade_group, PERMISSIONS_AT_OPENING));
        self.events.account_defined(account, trade_group, PERMISSIONS_AT_OPENING);
        Ok(())
    }

    pub(crate) fn set_permissions(&mut self, account: u64, permissions: u8) -> Result<(), Reason> {
        let slot = self.accounts.slot(account).ok_or(Reason::UnknownAccount)?;
        let known = self.accounts.at_mut(slot);
        known.permissions = permissions;
        self.events.account_defined(account, known.trade_group, permissions);
        Ok(())
    }

    pub(crate) fn set_fee(&mut self, account: u64, instrument: u32, rates: Rates) -> Result<(), Reason> {
        let slot = self.accounts.slot(account).ok_or(Reason::UnknownAccount)?;
        if instrument != 0 && !self.listings.contains_key(&instrument) {
            return Err(Reason::UnknownInstrument);
        }
        let is_removal = rates == Rates::REMOVED;
        if !is_removal && !rates.are_sound() {
            return Err(Reason::InvalidRate);
        }
        self.accounts.at_mut(slot).set_fee(instrument, (!is_removal).then_some(rates));
        self.events.fee_set(account, instrument, rates);
        Ok(())
    }

    pub(crate) fn set_rules(&mut self, version: u32) -> Result<(), Reason> {
        if !(self.venue.rules_version..=RULES_VERSION_MAX).contains(&version) {
            return Err(Reason::UnknownRules);
        }
        self.venue.rules_version = version;
        self.events.rules_set(version);
        Ok(())
    }
}
