//! What happens because time passed or an operator said stop (section 8 of rules 2).

use std::collections::BTreeSet;

use crate::accounts::HOUSE;
use crate::codec::ClientId;
use crate::engine::Engine;
use crate::legs::Ending;
use crate::orders::Execution;
use crate::words::{Expiry, Reason};

/// A heartbeat may be asked for once a day at least.
pub const COUNTDOWN_US_MAX: i64 = 86_400_000_000;

impl Engine {
    /// End what is due: orders good till now, then the orders of accounts that missed their heartbeat.
    pub(crate) fn advance_time(&mut self) -> Result<(), Reason> {
        self.events.time_advanced();
        let mut touched = BTreeSet::new();
        let due: Vec<_> = self.venue.expiries.range(..=(self.time_us, u32::MAX, u64::MAX)).copied().collect();
        for (_, instrument, order) in due {
            let mut turn = self.turn_at(instrument)?;
            // It may have ended with its list just now.
            let Some(slot) = turn.listing.open.by_id(order) else { continue };
            let list = turn.listing.open.order(slot).list();
            turn.end(slot, &Execution::expired(Expiry::GoodTill));
            turn.follow_end(list, order, Ending::Otherwise);
            touched.insert(instrument);
        }
        for (account, instrument) in self.venue.heartbeats.missed(self.time_us) {
            self.events.heartbeat_missed(account, instrument);
            self.cancel_open(account, instrument, &ClientId::EMPTY, &mut touched)?;
            self.venue.heartbeats.set(account, instrument, None);
        }
        self.finish(&touched)
    }

    pub(crate) fn set_heartbeat(&mut self, account: u64, instrument: u32, countdown_us: i64) -> Result<(), Reason> {
        self.accounts.slot(account).ok_or(Reason::UnknownAccount)?;
        if instrument != 0 && !self.listings.contains_key(&instrument) {
            return Err(Reason::UnknownInstrument);
        }
        if !(0..=COUNTDOWN_US_MAX).contains(&countdown_us) {
            return Err(Reason::InvalidAmount);
        }
        let deadline_us = (countdown_us > 0).then(|| self.time_us.saturating_add(countdown_us));
        self.venue.heartbeats.set(account, instrument, deadline_us);
        self.events.heartbeat_set(account, instrument, deadline_us.unwrap_or(0));
        Ok(())
    }

    pub(crate) fn set_kill_switch(&mut self, account: u64, is_on: bool) -> Result<(), Reason> {
        let slot = self.accounts.slot(account).ok_or(Reason::UnknownAccount)?;
        if account == HOUSE {
            return Err(Reason::InvalidDefinition);
        }
        self.accounts.at_mut(slot).is_killed = is_on;
        self.events.kill_switch_set(account, is_on);
        let mut touched = BTreeSet::new();
        if is_on {
            self.cancel_open(account, 0, &ClientId::EMPTY, &mut touched)?;
        }
        self.finish(&touched)
    }
}
