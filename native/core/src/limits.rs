//! What rules version 2 bounds and offers: an instrument's rules, the venue's, an asset's limit.

use crate::AMOUNT_BOUND;
use crate::codec::{Reader, Sink};
use crate::engine::Engine;
use crate::instruments::PriceBand;
use crate::words::{ListForm, Reason, Side, feature};

/// Every part of an iceberg that comes to light may be a trade of one taker's command: their number has an end.
const ICEBERG_PARTS_MAX: u32 = 10_000;

/// The trailing deltas that are allowed, in parts of 10,000; a 0 switches a bound off.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct DeltaRange {
    pub min: u32,
    pub max: u32,
}

impl DeltaRange {
    fn is_sound(self) -> bool {
        self.max == 0 || self.min <= self.max
    }

    pub fn allows(self, delta: u32) -> bool {
        (self.min == 0 || delta >= self.min) && (self.max == 0 || delta <= self.max)
    }
}

/// The rules image of an instrument; all zeros until it is set.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct InstrumentRules {
    pub instrument: u32,
    pub features: u16,
    pub algo_orders_max: u32,
    pub iceberg_orders_max: u32,
    pub iceberg_parts_max: u32,
    pub lists_max: u32,
    pub amends_max: u32,
    pub position_max: i128,
    pub trailing_above: DeltaRange,
    pub trailing_below: DeltaRange,
    pub percent: PriceBand,
    pub range_bid: PriceBand,
    pub range_ask: PriceBand,
}

impl InstrumentRules {
    /// The rules of an instrument for which none were set.
    pub fn none(instrument: u32) -> Self {
        Self { instrument, ..Self::default() }
    }

    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            instrument: reader.u32()?,
            features: reader.u16().filter(|features| features & !feature::ALL == 0)?,
            algo_orders_max: reader.u32()?,
            iceberg_orders_max: reader.u32()?,
            iceberg_parts_max: reader.u32()?,
            lists_max: reader.u32()?,
            amends_max: reader.u32()?,
            position_max: reader.i128()?,
            trailing_above: DeltaRange { min: reader.u32()?, max: reader.u32()? },
            trailing_below: DeltaRange { min: reader.u32()?, max: reader.u32()? },
            percent: PriceBand { up: reader.i64()?, down: reader.i64()? },
            range_bid: PriceBand { up: reader.i64()?, down: reader.i64()? },
            range_ask: PriceBand { up: reader.i64()?, down: reader.i64()? },
        })
    }

    pub fn write(&self, sink: &mut impl Sink) {
        sink.u32(self.instrument);
        sink.u16(self.features);
        for bound in [self.algo_orders_max, self.iceberg_orders_max, self.iceberg_parts_max] {
            sink.u32(bound);
        }
        sink.u32(self.lists_max);
        sink.u32(self.amends_max);
        sink.i128(self.position_max);
        for range in [self.trailing_above, self.trailing_below] {
            sink.u32(range.min);
            sink.u32(range.max);
        }
        for band in [self.percent, self.range_bid, self.range_ask] {
            sink.i64(band.up);
            sink.i64(band.down);
        }
    }

    pub fn is_sound(&self) -> bool {
        let bands = [self.percent, self.range_bid, self.range_ask];
        (0..AMOUNT_BOUND).contains(&self.position_max)
            && (!self.has(feature::ICEBERG) || (1..=ICEBERG_PARTS_MAX).contains(&self.iceberg_parts_max))
            && self.trailing_above.is_sound()
            && self.trailing_below.is_sound()
            && bands.iter().all(|band| band.up >= 0 && band.down >= 0)
    }

    #[inline]
    pub fn has(&self, wanted: u16) -> bool {
        self.features & wanted == wanted
    }

    pub fn has_form(&self, form: ListForm) -> bool {
        self.has(match form {
            ListForm::Oco => feature::OCO,
            ListForm::Oto => feature::OTO,
            ListForm::Otoco => feature::OCO | feature::OTO,
            ListForm::Opo => feature::OTO | feature::OPO,
            ListForm::Opoco => feature::OCO | feature::OTO | feature::OPO,
        })
    }

    #[inline]
    pub fn range(&self, side: Side) -> PriceBand {
        match side {
            Side::Buy => self.range_bid,
            Side::Sell => self.range_ask,
        }
    }
}

/// How much one account may have open at the whole venue; a 0 switches a bound off.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct VenueRules {
    pub orders_max: u32,
    pub algo_orders_max: u32,
    pub iceberg_orders_max: u32,
    pub lists_max: u32,
}

impl VenueRules {
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            orders_max: reader.u32()?,
            algo_orders_max: reader.u32()?,
            iceberg_orders_max: reader.u32()?,
            lists_max: reader.u32()?,
        })
    }

    pub fn write(&self, sink: &mut impl Sink) {
        for bound in [self.orders_max, self.algo_orders_max, self.iceberg_orders_max, self.lists_max] {
            sink.u32(bound);
        }
    }
}

impl Engine {
    pub(crate) fn set_instrument_rules(&mut self, rules: &InstrumentRules) -> Result<(), Reason> {
        let listing = self.listings.get_mut(&rules.instrument).ok_or(Reason::UnknownInstrument)?;
        if !rules.is_sound() {
            return Err(Reason::InvalidDefinition);
        }
        listing.rules = rules.clone();
        self.events.instrument_rules_set(rules);
        Ok(())
    }

    pub(crate) fn set_venue_rules(&mut self, rules: VenueRules) {
        self.venue.rules = rules;
        self.events.venue_rules_set(&rules);
    }

    pub(crate) fn set_asset_limit(&mut self, asset: u32, limit: i128) -> Result<(), Reason> {
        if !self.assets.contains_key(&asset) {
            return Err(Reason::UnknownAsset);
        }
        if !(0..AMOUNT_BOUND).contains(&limit) {
            return Err(Reason::InvalidAmount);
        }
        self.venue.set_asset_limit(asset, limit);
        self.events.asset_limit_set(asset, limit);
        Ok(())
    }
}
