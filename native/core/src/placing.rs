//! The checks of an order before anything changes, in their order of precedence (section 5, Placing).

use crate::commands::OrderRequest;
use crate::instruments::{NOTIONAL_MAX_APPLIES_TO_MARKET, NOTIONAL_MIN_APPLIES_TO_MARKET};
use crate::matching::Turn;
use crate::orders::{Order, crosses, notional};
use crate::walks::{walk, walk_by_quote};
use crate::words::{InstrumentStatus, OrderType, Prevention, Reason, Side, TimeInForce, permission};
use crate::{AMOUNT_BOUND, UNIT};

/// An order that passed every check, its hold not taken yet.
pub struct Prepared {
    pub order: Order,
    /// FOK that would not fill: it expires at once.
    pub expires_at_once: bool,
    /// By quote, and the book ends before the money.
    pub ran_dry: bool,
}

fn require(holds: bool, reason: Reason) -> Result<(), Reason> {
    if holds { Ok(()) } else { Err(reason) }
}

fn is_market(request: &OrderRequest) -> bool {
    request.order_type == OrderType::Market
}

/// The part of a limit or market request that must agree with itself.
fn is_combination_valid(request: &OrderRequest) -> bool {
    let is_good_till_canceled = request.time_in_force == TimeInForce::GoodTillCanceled;
    let is_plain = !request.by_quote && request.quote_quantity == 0;
    let form = match request.order_type {
        OrderType::Limit => is_plain,
        OrderType::LimitMaker => is_plain && is_good_till_canceled,
        OrderType::Market => {
            let by_quote =
                request.by_quote && request.quantity == 0 && (1..AMOUNT_BOUND).contains(&request.quote_quantity);
            is_good_till_canceled && request.price == 0 && (is_plain || by_quote)
        }
        _ => false,
    };
    form && (request.has_strategy || (request.strategy_id == 0 && request.strategy_type == 0))
}

impl Turn<'_> {
    /// Check from ACCOUNT_MAY_NOT_TRADE to MAX_NUM_ORDERS; answers the prevention mode that applies.
    pub fn check_request(&self, request: &OrderRequest, account_slot: u32) -> Result<Prevention, Reason> {
        let definition = &self.listing.definition;
        require(self.accounts.at(account_slot).may(permission::TRADE), Reason::AccountMayNotTrade)?;
        require(definition.status == InstrumentStatus::Trading, Reason::InstrumentNotTrading)?;
        let is_type_known = matches!(request.order_type, OrderType::Limit | OrderType::Market | OrderType::LimitMaker);
        require(is_type_known && definition.allows_type(request.order_type), Reason::TypeNotSupported)?;
        let stp = request.stp.unwrap_or(definition.stp_default);
        require(definition.allows_prevention(stp), Reason::PreventionNotAllowed)?;
        require(is_combination_valid(request), Reason::InvalidCombination)?;
        if !is_market(request) {
            self.check_price(request)?;
        }
        if !request.by_quote {
            self.check_quantity(request)?;
        }
        require(self.is_notional_allowed(request), Reason::Notional)?;
        require(self.listing.book.count_of(account_slot) < definition.orders_max, Reason::MaxNumOrders)?;
        Ok(stp)
    }

    fn check_price(&self, request: &OrderRequest) -> Result<(), Reason> {
        let definition = &self.listing.definition;
        let price = request.price;
        let is_in_range = price >= 1
            && price >= definition.price_min
            && (definition.price_max == 0 || price <= definition.price_max)
            && price % definition.tick == 0;
        require(is_in_range, Reason::PriceFilter)?;
        let band = definition.band(request.side);
        if band.up == 0 && band.down == 0 {
            return Ok(());
        }
        let Some(reference) = self.listing.reference_price(self.time_us) else { return Ok(()) };
        let scaled = i128::from(price) * i128::from(UNIT);
        // Saturating: a bound beyond i128 is beyond every price too.
        let bound = |multiplier: i64| reference.saturating_mul(i128::from(multiplier));
        let is_in_band = (band.up == 0 || scaled <= bound(band.up)) && (band.down == 0 || scaled >= bound(band.down));
        require(is_in_band, Reason::PercentPriceBySide)
    }

    fn check_quantity(&self, request: &OrderRequest) -> Result<(), Reason> {
        let definition = &self.listing.definition;
        let quantity = request.quantity;
        let is_lot =
            (definition.quantity_min..=definition.quantity_max).contains(&quantity) && quantity % definition.step == 0;
        require(is_lot, Reason::LotSize)?;
        let is_market_lot = !is_market(request)
            || (quantity >= definition.market_quantity_min
                && (definition.market_quantity_max == 0 || quantity <= definition.market_quantity_max)
                && (definition.market_step == 0 || quantity % definition.market_step == 0));
        require(is_market_lot, Reason::MarketLotSize)
    }

    fn is_notional_allowed(&self, request: &OrderRequest) -> bool {
        let definition = &self.listing.definition;
        let value = if !is_market(request) {
            notional(request.price, request.quantity)
        } else if request.by_quote {
            request.quote_quantity
        } else {
            match self.listing.reference_price(self.time_us) {
                Some(reference) => reference.saturating_mul(i128::from(request.quantity)) / i128::from(UNIT),
                None => return true,
            }
        };
        let applies = |flag: u8| !is_market(request) || definition.notional_flags & flag != 0;
        let is_enough = !applies(NOTIONAL_MIN_APPLIES_TO_MARKET) || value >= definition.notional_min;
        let is_bounded = !applies(NOTIONAL_MAX_APPLIES_TO_MARKET)
            || definition.notional_max == 0
            || value <= definition.notional_max;
        is_enough && is_bounded
    }

    /// Check DUPLICATE_CLIENT_ID.
    pub fn check_client_id(&self, request: &OrderRequest, account_slot: u32) -> Result<(), Reason> {
        let is_free = self.listing.book.by_client(account_slot, &request.client_id).is_none();
        require(is_free, Reason::DuplicateClientId)
    }

    /// Check from WOULD_TAKE on, and make the order ready to be placed.
    pub fn prepare(&self, request: &OrderRequest, account_slot: u32, stp: Prevention) -> Result<Prepared, Reason> {
        if request.order_type == OrderType::LimitMaker {
            let best = self.listing.book.best_price(request.side.opposite());
            let takes = best.is_some_and(|best| crosses(request.side, request.price, best));
            require(!takes, Reason::WouldTake)?;
        }
        let mut order = self.draft(request, account_slot, stp);
        let is_market_buy = is_market(request) && request.side == Side::Buy;
        let mut ran_dry = false;
        let mut expires_at_once = false;
        let mut cost = 0;
        if request.by_quote {
            let found = walk_by_quote(self.listing, self.accounts, &order);
            order.quantity = self.check_filled(found.filled)?;
            ran_dry = found.ran_dry;
            cost = found.cost;
        } else if is_market_buy || request.time_in_force == TimeInForce::FillOrKill {
            let found = walk(self.listing, self.accounts, &order);
            expires_at_once = !is_market_buy && found.filled < i128::from(order.quantity);
            cost = found.cost;
        }
        order.held = if is_market_buy { cost } else { order.hold_of(order.quantity) };
        let needed = if is_market_buy && request.by_quote { request.quote_quantity } else { order.held };
        let available = self.accounts.at(account_slot).balance(self.hold_asset(order.side)).available;
        require(available >= needed, Reason::InsufficientBalance)?;
        Ok(Prepared { order, expires_at_once, ran_dry })
    }

    /// The quantity of a by-quote order is what its walk filled, if that is an amount the instrument trades.
    fn check_filled(&self, filled: i128) -> Result<i64, Reason> {
        let definition = &self.listing.definition;
        require(filled >= i128::from(definition.quantity_min), Reason::LiquidityTooLow)?;
        let market_max = definition.market_quantity_max;
        require(filled <= i128::from(definition.quantity_max), Reason::MarketLotSize)?;
        require(market_max == 0 || filled <= i128::from(market_max), Reason::MarketLotSize)?;
        i64::try_from(filled).map_err(|_| Reason::MarketLotSize)
    }

    fn draft(&self, request: &OrderRequest, account_slot: u32, stp: Prevention) -> Order {
        Order {
            id: 0,
            account: request.account,
            account_slot,
            side: request.side,
            order_type: request.order_type,
            time_in_force: request.time_in_force,
            stp,
            has_strategy: request.has_strategy,
            by_quote: request.by_quote,
            price: request.price,
            quantity: request.quantity,
            executed: 0,
            prevented: 0,
            cumulative_quote: 0,
            quote_quantity: request.quote_quantity,
            held: 0,
            created_us: self.time_us,
            working_us: self.time_us,
            strategy_id: request.strategy_id,
            strategy_type: request.strategy_type,
            client_id: request.client_id,
        }
    }
}
