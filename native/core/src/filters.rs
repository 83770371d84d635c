//! What an instrument asks of an order's numbers, from PRICE_FILTER to MAX_ASSET, in their order of precedence.

use crate::UNIT;
use crate::instruments::{NOTIONAL_MAX_APPLIES_TO_MARKET, NOTIONAL_MIN_APPLIES_TO_MARKET, PriceBand};
use crate::orders::{Order, notional};
use crate::turn::Turn;
use crate::words::{Reason, Side};

#[inline(always)]
pub fn require(holds: bool, reason: Reason) -> Result<(), Reason> {
    if holds { Ok(()) } else { Err(reason) }
}

/// How far from the reference price a taker may trade.
#[derive(Clone, Copy)]
pub struct PriceRange {
    reference: i128,
    band: PriceBand,
}

impl PriceRange {
    pub fn allows(&self, price: i64) -> bool {
        self.band.allows(self.reference, price)
    }
}

impl Turn<'_> {
    /// The range that a taker of this side keeps to from now to the end of its turn.
    #[inline]
    pub fn price_range(&self, side: Side) -> Option<PriceRange> {
        let band = self.listing.rules.range(side);
        if band.is_off() {
            return None;
        }
        self.listing.reference_price(self.time_us).map(|reference| PriceRange { reference, band })
    }

    /// Check from PRICE_FILTER to MAX_ASSET; without quantities for an order whose quantity is not known yet.
    #[inline(always)]
    pub fn check_filters(&self, order: &Order, with_quantities: bool) -> Result<(), Reason> {
        let is_limit = !order.order_type.is_market();
        let is_priced = is_limit && (order.price != 0 || order.peg().is_none());
        if is_priced {
            self.check_price(order.price)?;
        }
        if order.stop_price() > 0 {
            self.check_price(order.stop_price())?;
        }
        if is_priced {
            self.check_bands(order.side, order.price)?;
        }
        if with_quantities && !order.by_quote() {
            self.check_quantity(order)?;
        }
        if order.trailing_delta() > 0 {
            self.check_delta(order)?;
        }
        if with_quantities && (is_priced || !is_limit) {
            self.check_value(order)?;
        }
        if with_quantities { self.check_asset_limits(order, is_priced || !is_limit) } else { Ok(()) }
    }

    /// Check PRICE_FILTER.
    #[inline(always)]
    pub fn check_price(&self, price: i64) -> Result<(), Reason> {
        let definition = &self.listing.definition;
        let is_in_range = price >= 1
            && price >= definition.price_min
            && (definition.price_max == 0 || price <= definition.price_max)
            && definition.ticks.contain(price);
        require(is_in_range, Reason::PriceFilter)
    }

    /// Check PERCENT_PRICE and PERCENT_PRICE_BY_SIDE.
    #[inline(always)]
    pub fn check_bands(&self, side: Side, price: i64) -> Result<(), Reason> {
        let (percent, by_side) = (self.listing.rules.percent, self.listing.definition.band(side));
        if percent.is_off() && by_side.is_off() {
            return Ok(());
        }
        let Some(reference) = self.listing.reference_price(self.time_us) else { return Ok(()) };
        require(percent.allows(reference, price), Reason::PercentPrice)?;
        require(by_side.allows(reference, price), Reason::PercentPriceBySide)
    }

    /// Check LOT_SIZE.
    #[inline(always)]
    pub fn check_lot(&self, quantity: i64) -> Result<(), Reason> {
        let definition = &self.listing.definition;
        let is_lot = (definition.quantity_min..=definition.quantity_max).contains(&quantity)
            && definition.steps.contain(quantity);
        require(is_lot, Reason::LotSize)
    }

    /// Check from LOT_SIZE to ICEBERG_PARTS.
    #[inline(always)]
    fn check_quantity(&self, order: &Order) -> Result<(), Reason> {
        let definition = &self.listing.definition;
        let (quantity, iceberg) = (order.quantity, order.iceberg());
        self.check_lot(quantity)?;
        if iceberg > 0 {
            self.check_lot(iceberg)?;
            require(iceberg < quantity, Reason::IcebergExceeds)?;
        }
        let is_market_lot = !order.order_type.is_market()
            || (quantity >= definition.market_quantity_min
                && (definition.market_quantity_max == 0 || quantity <= definition.market_quantity_max)
                && (definition.market_step == 0 || quantity % definition.market_step == 0));
        require(is_market_lot, Reason::MarketLotSize)?;
        let parts_max = i64::from(self.listing.rules.iceberg_parts_max);
        let has_few_parts = iceberg == 0 || parts_max == 0 || (quantity - 1) / iceberg < parts_max;
        require(has_few_parts, Reason::IcebergParts)
    }

    /// Check TRAILING_DELTA.
    fn check_delta(&self, order: &Order) -> Result<(), Reason> {
        let rules = &self.listing.rules;
        let is_rising = order.order_type.is_rising(order.side);
        let range = if is_rising { rules.trailing_above } else { rules.trailing_below };
        require(range.allows(order.trailing_delta()), Reason::TrailingDelta)
    }

    /// What an order is worth in quote units; `None` when no price tells.
    #[inline]
    fn value(&self, order: &Order) -> Option<i128> {
        if !order.order_type.is_market() {
            return Some(notional(order.price, order.quantity));
        }
        if let Some(quote_quantity) = order.quote_quantity() {
            return Some(quote_quantity);
        }
        let reference = self.listing.reference_price(self.time_us)?;
        Some(reference.saturating_mul(i128::from(order.quantity)) / i128::from(UNIT))
    }

    /// Check NOTIONAL.
    #[inline(always)]
    pub fn check_value(&self, order: &Order) -> Result<(), Reason> {
        let definition = &self.listing.definition;
        let is_market = order.order_type.is_market();
        let applies = |flag: u8| !is_market || definition.notional_flags & flag != 0;
        let asks_min = applies(NOTIONAL_MIN_APPLIES_TO_MARKET) && definition.notional_min > 0;
        let asks_max = applies(NOTIONAL_MAX_APPLIES_TO_MARKET) && definition.notional_max > 0;
        if !asks_min && !asks_max {
            return Ok(());
        }
        let Some(value) = self.value(order) else { return Ok(()) };
        let is_enough = !asks_min || value >= definition.notional_min;
        require(is_enough && (!asks_max || value <= definition.notional_max), Reason::Notional)
    }

    /// Check MAX_ASSET.
    #[inline(always)]
    pub fn check_asset_limits(&self, order: &Order, is_value_known: bool) -> Result<(), Reason> {
        if self.venue.asset_limits.is_empty() { Ok(()) } else { self.check_limits(order, is_value_known) }
    }

    #[cold]
    fn check_limits(&self, order: &Order, is_value_known: bool) -> Result<(), Reason> {
        let definition = &self.listing.definition;
        let is_base_within = !self.venue.exceeds_limit(definition.base, i128::from(order.quantity));
        require(is_base_within, Reason::MaxAsset)?;
        let value = if is_value_known { self.value(order) } else { None };
        let is_quote_within = value.is_none_or(|value| !self.venue.exceeds_limit(definition.quote, value));
        require(is_quote_within, Reason::MaxAsset)
    }
}
