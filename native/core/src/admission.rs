//! The checks of an order request before anything changes, in their order of precedence (section 5, Placing; rules 2,
//! section 4), up to GOOD_TILL_PASSED.

use crate::AMOUNT_BOUND;
use crate::ahead::Hint;
use crate::codec::ClientId;
use crate::filters::require;
use crate::hashes::{client_key, key_of};
use crate::limits::InstrumentRules;
use crate::open::OpenCounts;
use crate::orders::{Draft, Extra, Order};
use crate::requests::{Extension, OrderRequest};
use crate::turn::Turn;
use crate::words::{
    InstrumentStatus, ListForm, OrderType, PegType, Prevention, Reason, Side, TimeInForce, feature, permission,
};

const PEG_OFFSET_MAX: u8 = 100;
const DELTA_BOUND: u32 = 10_000;

/// The command that an order comes with.
#[derive(Clone, Copy)]
pub enum Gate {
    Order,
    Replacement,
    FirstLeg(ListForm),
    NextLeg,
}

/// What the checks have to know beyond the request.
pub struct Admission {
    pub gate: Gate,
    /// Legs of the same list before this one.
    pub before: OpenCounts,
    /// It waits for its list's working order.
    pub is_pending: bool,
    /// What it buys or sells depends on what the working order brings.
    pub is_paid_on: bool,
}

impl Admission {
    pub fn through(gate: Gate) -> Self {
        Self { gate, before: OpenCounts::default(), is_pending: false, is_paid_on: false }
    }
}

/// The part of a request that must agree with itself.
#[inline(always)]
fn is_combination_valid(request: &OrderRequest, rules: &InstrumentRules) -> bool {
    let none = Extension::default();
    let extension = request.extension.as_deref().unwrap_or(&none);
    let is_good_till_canceled = request.time_in_force == TimeInForce::GoodTillCanceled;
    let is_plain = !request.by_quote && request.quote_quantity == 0;
    let has_trigger = extension.stop_price.is_some() || extension.trailing_delta.is_some();
    let peg_type = extension.peg.map(|(peg_type, _)| peg_type);
    let form = match request.order_type {
        OrderType::Limit => is_plain && (is_good_till_canceled || peg_type != Some(PegType::Primary)),
        OrderType::LimitMaker => is_plain && is_good_till_canceled && peg_type != Some(PegType::Market),
        OrderType::Market => {
            let by_quote =
                request.by_quote && request.quantity == 0 && (1..AMOUNT_BOUND).contains(&request.quote_quantity);
            is_good_till_canceled && request.price == 0 && (is_plain || by_quote)
        }
        OrderType::StopLoss | OrderType::TakeProfit => is_plain && is_good_till_canceled && request.price == 0,
        OrderType::StopLossLimit | OrderType::TakeProfitLimit => is_plain,
    };
    form && has_trigger == request.order_type.is_stop()
        && (request.has_strategy || (request.strategy_id == 0 && request.strategy_type == 0))
        && (request.extension.is_none() || is_extension_valid(request, extension, rules))
}

#[cold]
fn is_extension_valid(request: &OrderRequest, extension: &Extension, rules: &InstrumentRules) -> bool {
    let is_limit = !request.order_type.is_market();
    let is_good_till_canceled = request.time_in_force == TimeInForce::GoodTillCanceled;
    let iceberg = extension.iceberg.is_none_or(|iceberg| is_limit && is_good_till_canceled && iceberg >= 1);
    let peg = extension.peg.is_none_or(|(_, offset)| is_limit && offset <= PEG_OFFSET_MAX && request.price >= 0);
    let good_till = extension
        .expires_us
        .is_none_or(|expires_us| rules.has(feature::GOOD_TILL) && is_limit && is_good_till_canceled && expires_us >= 1);
    extension.stop_price.is_none_or(|stop_price| stop_price >= 1)
        && extension.trailing_delta.is_none_or(|delta| (1..DELTA_BOUND).contains(&delta))
        && iceberg
        && peg
        && good_till
}

impl Turn<'_> {
    /// Check from ACCOUNT_DISABLED to GOOD_TILL_PASSED the order that a request would be.
    #[inline]
    pub fn admit(&self, request: &OrderRequest, order: &Order, admission: &Admission) -> Result<(), Reason> {
        self.check_account(order.account_slot)?;
        self.check_form(request, order.stp(), admission.gate)?;
        self.check_filters(order, !admission.is_paid_on)?;
        self.check_counts(order, admission.before)?;
        if !admission.is_pending {
            self.check_position(order)?;
        }
        require(order.expires_us() == 0 || order.expires_us() > self.time_us, Reason::GoodTillPassed)
    }

    /// Check ACCOUNT_DISABLED and ACCOUNT_MAY_NOT_TRADE.
    #[inline(always)]
    pub fn check_account(&self, account_slot: u32) -> Result<(), Reason> {
        let account = self.accounts.at(account_slot);
        require(!account.is_killed, Reason::AccountDisabled)?;
        require(account.may(permission::TRADE), Reason::AccountMayNotTrade)
    }

    /// Check from INSTRUMENT_NOT_TRADING to the phase.
    #[inline(always)]
    fn check_form(&self, request: &OrderRequest, stp: Prevention, gate: Gate) -> Result<(), Reason> {
        let (definition, rules) = (&self.listing.definition, &self.listing.rules);
        let is_auction = definition.status == InstrumentStatus::Auction;
        require(definition.status == InstrumentStatus::Trading || is_auction, Reason::InstrumentNotTrading)?;
        match gate {
            Gate::Replacement => require(!rules.has(feature::NO_CANCEL_REPLACE), Reason::ReplaceNotSupported)?,
            Gate::FirstLeg(form) => {
                require(rules.has_form(form), Reason::ListNotSupported)?;
                require(!is_auction, Reason::PhaseType)?;
            }
            Gate::Order | Gate::NextLeg => {}
        }
        let is_type_known = self.venue.rules_version >= 2 || !request.order_type.is_stop();
        require(is_type_known && definition.allows_type(request.order_type), Reason::TypeNotSupported)?;
        if let Some(extension) = &request.extension {
            let offers = |is_asked: bool, wanted: u16| !is_asked || rules.has(wanted);
            require(offers(extension.iceberg.is_some(), feature::ICEBERG), Reason::IcebergNotSupported)?;
            require(offers(extension.trailing_delta.is_some(), feature::TRAILING), Reason::TrailingNotSupported)?;
            require(offers(extension.peg.is_some(), feature::PEG), Reason::PegNotSupported)?;
        }
        require(!request.by_quote || !rules.has(feature::NO_QUOTE_MARKET), Reason::QuoteMarketNotSupported)?;
        require(definition.allows_prevention(stp), Reason::PreventionNotAllowed)?;
        require(is_combination_valid(request, rules), Reason::InvalidCombination)?;
        if is_auction {
            let is_pegged = request.extension.as_ref().is_some_and(|extension| extension.peg.is_some());
            require(request.order_type == OrderType::Limit && !is_pegged, Reason::PhaseType)?;
            require(request.time_in_force == TimeInForce::GoodTillCanceled, Reason::PhaseTimeInForce)?;
        }
        Ok(())
    }

    /// Check from MAX_NUM_ORDERS to EXCHANGE_MAX_NUM_ICEBERG_ORDERS.
    #[inline(always)]
    fn check_counts(&self, order: &Order, before: OpenCounts) -> Result<(), Reason> {
        let (definition, rules, venue) = (&self.listing.definition, &self.listing.rules, &self.venue.rules);
        let here = self.listing.open.counts_of(order.account_slot);
        let all = self.accounts.at(order.account_slot).open;
        let is_below = |open: u32, max: u32| max == 0 || open < max;
        require(here.orders + before.orders < definition.orders_max, Reason::MaxNumOrders)?;
        require(is_below(all.orders + before.orders, venue.orders_max), Reason::ExchangeMaxNumOrders)?;
        if order.order_type.is_stop() {
            require(is_below(here.algos + before.algos, rules.algo_orders_max), Reason::MaxNumAlgoOrders)?;
            let is_allowed = is_below(all.algos + before.algos, venue.algo_orders_max);
            require(is_allowed, Reason::ExchangeMaxNumAlgoOrders)?;
        }
        if order.iceberg() > 0 {
            let is_allowed = is_below(here.icebergs + before.icebergs, rules.iceberg_orders_max);
            require(is_allowed, Reason::MaxNumIcebergOrders)?;
            let is_allowed = is_below(all.icebergs + before.icebergs, venue.iceberg_orders_max);
            require(is_allowed, Reason::ExchangeMaxNumIcebergOrders)?;
        }
        Ok(())
    }

    /// Check MAX_POSITION.
    #[inline(always)]
    fn check_position(&self, order: &Order) -> Result<(), Reason> {
        let position_max = self.listing.rules.position_max;
        if position_max == 0 || order.side == Side::Sell || order.by_quote() {
            return Ok(());
        }
        self.check_bids(order, position_max)
    }

    #[cold]
    fn check_bids(&self, order: &Order, position_max: i128) -> Result<(), Reason> {
        let balance = self.accounts.at(order.account_slot).balance(self.listing.definition.base);
        let bids = self.listing.open.of_account(order.account_slot).filter(|(_, open)| open.side == Side::Buy);
        let bid: i128 = bids.map(|(_, open)| i128::from(open.remaining())).sum();
        let position = balance.available + balance.held + bid + i128::from(order.quantity);
        require(position <= position_max, Reason::MaxPosition)
    }

    /// By what a client id is found, likely known from the look ahead: from the same bytes, for the same account.
    #[inline(always)]
    fn client_key(&self, account_slot: u32, client_id: &ClientId) -> u32 {
        let Hint { account_slot: hashed_for, new_hash, .. } = self.hint;
        if new_hash != 0 && hashed_for == account_slot {
            debug_assert_eq!(key_of(new_hash), client_key(account_slot, client_id));
            return key_of(new_hash);
        }
        client_key(account_slot, client_id)
    }

    /// The order as the request would have it.
    #[inline]
    pub fn draft(&self, request: &OrderRequest, account_slot: u32) -> Order {
        let has_extra = request.extension.is_some() || request.has_strategy || request.by_quote;
        let draft = Draft {
            account_slot,
            client_key: self.client_key(account_slot, &request.client_id),
            side: request.side,
            order_type: request.order_type,
            time_in_force: request.time_in_force,
            stp: request.stp.unwrap_or(self.listing.definition.stp_default),
            price: request.price,
            quantity: request.quantity,
            created_us: self.time_us,
            client_id: request.client_id,
        };
        Order::new(&draft, if has_extra { Some(self.draft_extra(request)) } else { None })
    }

    #[cold]
    fn draft_extra(&self, request: &OrderRequest) -> Box<Extra> {
        let none = Extension::default();
        let extension = request.extension.as_deref().unwrap_or(&none);
        Box::new(Extra {
            is_extended: request.extension.is_some(),
            strategy: request.has_strategy.then_some((request.strategy_id, request.strategy_type)),
            quote_quantity: request.by_quote.then_some(request.quote_quantity),
            working_us: self.time_us,
            stop_price: extension.stop_price.unwrap_or(0),
            trailing_delta: extension.trailing_delta.unwrap_or(0),
            iceberg: extension.iceberg.unwrap_or(0),
            peg: extension.peg,
            sent_price: if extension.peg.is_some() { request.price } else { 0 },
            expires_us: extension.expires_us.unwrap_or(0),
            ..Extra::default()
        })
    }
}
