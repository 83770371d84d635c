//! The state machine: batches of commands in, events out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::accounts::Accounts;
use crate::ahead::{self, Ahead, Frame, Hint};
use crate::codec::{ClientId, Text};
use crate::commands::{Change, Command, Header, Wish, split_frame};
use crate::events::Events;
use crate::funding::Withdrawal;
use crate::listing_table::Listings;
use crate::sessions::{Identity, Sessions};
use crate::turn::Turn;
use crate::venue::Venue;
use crate::words::Reason;

/// The rules that a new engine begins with.
pub const RULES_VERSION_FIRST: u32 = 1;
/// The newest rules.
pub const RULES_VERSION_MAX: u32 = 2;

#[derive(Clone, Debug)]
pub(crate) struct Asset {
    pub code: Text<16>,
    /// Everything deposited less everything withdrawn.
    pub supply: i128,
}

/// All state of one shard. Equal states have equal snapshots.
#[derive(Clone)]
pub struct Engine {
    pub(crate) sequence: u64,
    pub(crate) time_us: i64,
    pub(crate) venue: Venue,
    pub(crate) assets: BTreeMap<u32, Asset>,
    pub(crate) listings: Listings,
    pub(crate) accounts: Accounts,
    pub(crate) deposits: BTreeSet<[u8; 32]>,
    pub(crate) withdrawals: BTreeMap<u64, Withdrawal>,
    pub(crate) sessions: Sessions,
    pub(crate) events: Events,
    hint: Hint,
}

/// A batch that does not follow the one before it; nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Misuse {
    SequenceGap { expected: u64, given: u64 },
    TimeWentBack { last_us: i64, given_us: i64 },
}

impl fmt::Display for Misuse {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SequenceGap { expected, given } => write!(out, "the next sequence is {expected}, not {given}"),
            Self::TimeWentBack { last_us, given_us } => write!(out, "time {given_us} is before the last, {last_us}"),
        }
    }
}

impl std::error::Error for Misuse {}

/// What a batch caused.
#[derive(Clone, Copy)]
pub struct Output<'a> {
    /// Event frames, one after the other.
    pub events: &'a [u8],
    /// For each command a little-endian u32: the offset in `events` after its last event.
    pub ends: &'a [u8],
}

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}

impl Engine {
    pub fn new() -> Self {
        Self {
            sequence: 0,
            time_us: 0,
            venue: Venue::new(RULES_VERSION_FIRST),
            assets: BTreeMap::new(),
            listings: Listings::default(),
            accounts: Accounts::new(),
            deposits: BTreeSet::new(),
            withdrawals: BTreeMap::new(),
            sessions: Sessions::default(),
            events: Events::default(),
            hint: Hint::NONE,
        }
    }

    /// The sequence of the last command.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The time of the last command.
    pub fn time_us(&self) -> i64 {
        self.time_us
    }

    pub fn rules_version(&self) -> u32 {
        self.venue.rules_version
    }

    /// The first time at which AdvanceTime would do something, if any.
    pub fn due_us(&self) -> Option<i64> {
        self.venue.due_us()
    }

    /// Apply the commands of a batch, the first at `first_sequence`, all at `time_us`.
    pub fn apply(&mut self, first_sequence: u64, time_us: i64, frames: &[u8]) -> Result<Output<'_>, Misuse> {
        let expected = self.sequence + 1;
        if first_sequence != expected {
            return Err(Misuse::SequenceGap { expected, given: first_sequence });
        }
        if time_us < self.time_us {
            return Err(Misuse::TimeWentBack { last_us: self.time_us, given_us: time_us });
        }
        self.events.clear();
        let mut rest = frames;
        let looks = ahead::pays(self);
        let mut ahead = if looks { Ahead::new(frames) } else { None };
        loop {
            let next = match &mut ahead {
                Some(ahead) => ahead.next(self),
                None if rest.is_empty() => None,
                None => {
                    let frame = split_frame(&mut rest);
                    let hint = if looks { ahead::alone(frame, self) } else { Hint::NONE };
                    Some((frame, hint))
                }
            };
            let Some((frame, hint)) = next else { break };
            self.run(time_us, frame, hint);
        }
        Ok(Output { events: self.events.bytes(), ends: self.events.ends() })
    }

    /// Run the next command of a batch.
    #[inline(never)]
    fn run(&mut self, time_us: i64, frame: Frame<'_>, hint: Hint) {
        self.sequence += 1;
        self.time_us = time_us;
        self.events.begin_command(self.sequence);
        self.accounts.expect_at(hint.account_slot);
        self.hint = hint;
        self.execute(frame);
        self.accounts.tend();
        self.events.end_command();
    }

    /// Run one command: its identity, then what it asks for, then the levels and balances it changed.
    #[inline]
    fn execute(&mut self, frame: Frame<'_>) {
        let Some((header, body)) = frame else {
            self.events.command_rejected(0, Reason::Malformed, &(0, 0, ClientId::EMPTY));
            return;
        };
        if Change::is_of(header.kind) {
            let change = Change::decode(&header, body, self.venue.rules_version);
            self.answer(&header, change.as_ref());
        } else {
            self.answer_seldom(&header, body);
        }
    }

    #[cold]
    fn answer_seldom(&mut self, header: &Header, body: &[u8]) {
        self.answer(header, Command::decode(header, body, self.venue.rules_version).as_ref());
    }

    #[inline(always)]
    fn answer(&mut self, header: &Header, wish: Option<&impl Wish>) {
        if let Err(reason) = self.admit_and_perform(header, wish) {
            self.reject(header, reason, wish);
        }
    }

    #[cold]
    fn reject(&mut self, header: &Header, reason: Reason, wish: Option<&impl Wish>) {
        self.accounts.assert_unchanged();
        let named = wish.map_or((0, 0, ClientId::EMPTY), Wish::named);
        self.events.command_rejected(header.kind, reason, &named);
    }

    #[inline(always)]
    fn admit_and_perform(&mut self, header: &Header, wish: Option<&impl Wish>) -> Result<(), Reason> {
        if header.counter != 0 {
            match self.sessions.identify(header, self.sequence, self.time_us) {
                Identity::Fresh => {}
                Identity::Duplicate(original_sequence) => {
                    self.events.command_duplicate(original_sequence);
                    return Ok(());
                }
                Identity::Refused(reason) => return Err(reason),
            }
        }
        wish.ok_or(Reason::Malformed)?.perform(self)?;
        self.accounts.report_changes(&mut self.events);
        Ok(())
    }

    pub(crate) fn perform(&mut self, command: &Command) -> Result<(), Reason> {
        match command {
            Command::CreateAsset { asset, code } => self.create_asset(*asset, *code),
            Command::ListInstrument(definition) => self.list_instrument(definition.as_ref().clone()),
            Command::ChangeInstrument(definition) => self.change_instrument(definition.as_ref().clone()),
            Command::SetInstrumentStatus { instrument, status } => self.set_instrument_status(*instrument, *status),
            Command::OpenAccount { account, trade_group } => self.open_account(*account, *trade_group),
            Command::SetPermissions { account, permissions } => self.set_permissions(*account, *permissions),
            Command::SetFee { account, instrument, rates } => self.set_fee(*account, *instrument, *rates),
            Command::CreditDeposit { account, asset, amount, identity } => {
                self.credit_deposit(*account, *asset, *amount, *identity)
            }
            Command::HoldWithdrawal { account, asset, amount, withdrawal } => {
                self.hold_withdrawal(*account, *asset, *amount, *withdrawal)
            }
            Command::SettleWithdrawal { withdrawal } => self.settle_withdrawal(*withdrawal),
            Command::ReleaseWithdrawal { withdrawal } => self.release_withdrawal(*withdrawal),
            Command::CancelAll { account, instrument, request_id } => {
                self.cancel_all(*account, *instrument, request_id)
            }
            Command::AdvanceTime => self.advance_time(),
            Command::SetRules { version } => self.set_rules(*version),
            _ => self.perform_rules_2(command),
        }
    }

    /// Run a command that only rules 2 know.
    fn perform_rules_2(&mut self, command: &Command) -> Result<(), Reason> {
        match command {
            Command::AmendOrder(amend) => self.amend_order(amend),
            Command::PlaceOrderList(list) => self.place_list(list),
            Command::CancelOrderList { account, instrument, list, list_client_id, request_id } => {
                self.cancel_order_list((*account, *instrument), *list, list_client_id, request_id)
            }
            Command::SetInstrumentRules(rules) => self.set_instrument_rules(rules),
            Command::SetKillSwitch { account, is_on } => self.set_kill_switch(*account, *is_on),
            Command::SetHeartbeat { account, instrument, countdown_us } => {
                self.set_heartbeat(*account, *instrument, *countdown_us)
            }
            Command::DefineTier { tier, rates } => self.define_tier(*tier, *rates),
            Command::AssignTier { account, tier } => self.assign_tier(*account, *tier),
            Command::SetDiscount { asset, rate } => self.set_discount(*asset, *rate),
            Command::SetDiscountPrice { asset, price } => self.set_discount_price(*asset, *price),
            Command::UseDiscount { account, is_on } => self.use_discount(*account, *is_on),
            Command::SetVenueRules(rules) => {
                self.set_venue_rules(*rules);
                Ok(())
            }
            Command::SetAssetLimit { asset, limit } => self.set_asset_limit(*asset, *limit),
            _ => Err(Reason::Malformed),
        }
    }

    /// Begin a turn of an account at an instrument; answers the account's slot too.
    #[inline(always)]
    pub(crate) fn turn(&mut self, account: u64, instrument: u32) -> Result<(Turn<'_>, u32), Reason> {
        let slot = self.accounts.slot(account).ok_or(Reason::UnknownAccount)?;
        Ok((self.turn_at(instrument)?, slot))
    }

    /// Begin a turn at an instrument.
    #[inline(always)]
    pub(crate) fn turn_at(&mut self, instrument: u32) -> Result<Turn<'_>, Reason> {
        let listing = self.listings.get_mut(&instrument).ok_or(Reason::UnknownInstrument)?;
        let Self { accounts, events, venue, time_us, hint, .. } = self;
        Ok(Turn { listing, accounts, events, venue, time_us: *time_us, hint: *hint })
    }

    /// Report what was done to auctions, then to levels.
    pub(crate) fn finish(&mut self, instruments: &BTreeSet<u32>) -> Result<(), Reason> {
        for instrument in instruments {
            let turn = self.turn_at(*instrument)?;
            turn.listing.announce_indication(turn.events, turn.time_us);
        }
        for instrument in instruments {
            let turn = self.turn_at(*instrument)?;
            turn.listing.report_levels(turn.events);
        }
        Ok(())
    }
}
