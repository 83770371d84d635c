//! The definition of an instrument: its image, which definitions are sound, and what it asks of an order.

use crate::codec::{Reader, Sink, Text};
use crate::multiples::Multiples;
use crate::words::{InstrumentStatus, OrderType, Prevention, Side};
use crate::{AMOUNT_BOUND, UNIT};

pub const NOTIONAL_MIN_APPLIES_TO_MARKET: u8 = 1;
pub const NOTIONAL_MAX_APPLIES_TO_MARKET: u8 = 2;

/// Rates of an account on an instrument, in parts of [`UNIT`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rates {
    pub maker: i64,
    pub taker: i64,
}

impl Rates {
    /// What takes rates away instead of setting them.
    pub const REMOVED: Self = Self { maker: -1, taker: -1 };

    pub fn are_sound(self) -> bool {
        let allowed = 0..=UNIT / 2;
        allowed.contains(&self.maker) && allowed.contains(&self.taker)
    }
}

/// How far a price may lie from the reference price; 0 leaves a bound out.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct PriceBand {
    pub up: i64,
    pub down: i64,
}

impl PriceBand {
    #[inline]
    pub fn is_off(self) -> bool {
        self.up == 0 && self.down == 0
    }

    /// Whether a price lies within the band around a reference price.
    #[inline(always)]
    pub fn allows(self, reference: i128, price: i64) -> bool {
        match i64::try_from(reference) {
            Ok(reference) => self.allows_near(reference, price),
            Err(_) => self.allows_far(reference, price),
        }
    }

    /// The same: a product of two numbers of 64 bits fits, and costs a fraction of one of 128.
    #[inline(always)]
    pub fn allows_near(self, reference: i64, price: i64) -> bool {
        let scaled = i128::from(price) * i128::from(UNIT);
        let bound = |multiplier: i64| i128::from(reference) * i128::from(multiplier);
        (self.up == 0 || scaled <= bound(self.up)) && (self.down == 0 || scaled >= bound(self.down))
    }

    #[cold]
    #[inline(never)]
    fn allows_far(self, reference: i128, price: i64) -> bool {
        let scaled = i128::from(price) * i128::from(UNIT);
        // Saturating: a bound beyond i128 is beyond every price too.
        let bound = |multiplier: i64| reference.saturating_mul(i128::from(multiplier));
        (self.up == 0 || scaled <= bound(self.up)) && (self.down == 0 || scaled >= bound(self.down))
    }
}

/// The instrument image of section 2.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Definition {
    pub instrument: u32,
    pub symbol: Text<32>,
    pub base: u32,
    pub quote: u32,
    pub status: InstrumentStatus,
    pub price_min: i64,
    pub price_max: i64,
    pub tick: i64,
    pub quantity_min: i64,
    pub quantity_max: i64,
    pub step: i64,
    pub market_quantity_min: i64,
    pub market_quantity_max: i64,
    pub market_step: i64,
    pub notional_min: i128,
    pub notional_max: i128,
    pub notional_flags: u8,
    pub bid: PriceBand,
    pub ask: PriceBand,
    pub average_minutes: u32,
    pub orders_max: u32,
    pub rates: Rates,
    pub stp_default: Prevention,
    pub stp_allowed: u8,
    pub types_allowed: u16,
    /// The multiples of the tick, and of the step.
    pub ticks: Multiples,
    pub steps: Multiples,
}

impl Definition {
    /// Read an image; `None` when it is too short or holds a code, flag or text outside its range.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut definition = Self {
            instrument: reader.u32()?,
            symbol: reader.text(1)?,
            base: reader.u32()?,
            quote: reader.u32()?,
            status: InstrumentStatus::from_code(reader.u8()?)?,
            price_min: reader.i64()?,
            price_max: reader.i64()?,
            tick: reader.i64()?,
            quantity_min: reader.i64()?,
            quantity_max: reader.i64()?,
            step: reader.i64()?,
            market_quantity_min: reader.i64()?,
            market_quantity_max: reader.i64()?,
            market_step: reader.i64()?,
            notional_min: reader.i128()?,
            notional_max: reader.i128()?,
            notional_flags: reader.u8()?,
            bid: PriceBand { up: reader.i64()?, down: reader.i64()? },
            ask: PriceBand { up: reader.i64()?, down: reader.i64()? },
            average_minutes: reader.u32()?,
            orders_max: reader.u32()?,
            rates: Rates { maker: reader.i64()?, taker: reader.i64()? },
            stp_default: Prevention::from_code(reader.u8()?)?,
            stp_allowed: reader.u8()?,
            types_allowed: reader.u16()?,
            ticks: Multiples::of(0),
            steps: Multiples::of(0),
        };
        definition.ticks = Multiples::of(definition.tick);
        definition.steps = Multiples::of(definition.step);
        let flags_known = NOTIONAL_MIN_APPLIES_TO_MARKET | NOTIONAL_MAX_APPLIES_TO_MARKET;
        (definition.notional_flags & !flags_known == 0).then_some(definition)
    }

    pub fn write(&self, sink: &mut impl Sink) {
        sink.u32(self.instrument);
        sink.text(&self.symbol);
        sink.u32(self.base);
        sink.u32(self.quote);
        sink.u8(self.status.code());
        for value in [self.price_min, self.price_max, self.tick] {
            sink.i64(value);
        }
        for value in [self.quantity_min, self.quantity_max, self.step] {
            sink.i64(value);
        }
        for value in [self.market_quantity_min, self.market_quantity_max, self.market_step] {
            sink.i64(value);
        }
        sink.i128(self.notional_min);
        sink.i128(self.notional_max);
        sink.u8(self.notional_flags);
        for value in [self.bid.up, self.bid.down, self.ask.up, self.ask.down] {
            sink.i64(value);
        }
        sink.u32(self.average_minutes);
        sink.u32(self.orders_max);
        sink.i64(self.rates.maker);
        sink.i64(self.rates.taker);
        sink.u8(self.stp_default.code());
        sink.u8(self.stp_allowed);
        sink.u16(self.types_allowed);
    }

    /// Whether the numbers make sense together (section 4, ListInstrument); that the assets exist is checked elsewhere.
    pub fn is_sound(&self, rules_version: u32) -> bool {
        let modes = if rules_version >= 2 { 6 } else { 5 };
        let price = self.price_min >= 0
            && self.price_max >= 0
            && (self.price_max == 0 || self.price_min <= self.price_max)
            && self.tick >= 1;
        let quantity = 1 <= self.quantity_min && self.quantity_min <= self.quantity_max && self.step >= 1;
        // Price × quantity must be a whole number of units, or holds and fills would have to round.
        let exact = i128::from(self.tick) * i128::from(self.step) % i128::from(UNIT) == 0;
        let market = self.market_quantity_min >= 0
            && self.market_quantity_max >= 0
            && self.market_step >= 0
            && (self.market_quantity_max == 0 || self.market_quantity_min <= self.market_quantity_max);
        let amounts = 0..AMOUNT_BOUND;
        let notional = amounts.contains(&self.notional_min)
            && amounts.contains(&self.notional_max)
            && (self.notional_max == 0 || self.notional_min <= self.notional_max);
        let bands = [self.bid.up, self.bid.down, self.ask.up, self.ask.down].iter().all(|multiplier| *multiplier >= 0);
        let limits = self.average_minutes <= 60 && self.orders_max >= 1 && self.rates.are_sound();
        let words = self.allows_prevention(self.stp_default)
            && self.stp_allowed < 1 << modes
            && self.types_allowed & !0b1111_1110 == 0;
        self.instrument >= 1
            && self.base != self.quote
            && price
            && quantity
            && exact
            && market
            && self.market_step % self.step == 0
            && notional
            && bands
            && limits
            && words
    }

    #[inline]
    pub fn allows_prevention(&self, mode: Prevention) -> bool {
        self.stp_allowed & (1 << mode.code()) != 0
    }

    #[inline]
    pub fn allows_type(&self, order_type: OrderType) -> bool {
        self.types_allowed & (1 << order_type.code()) != 0
    }

    #[inline]
    pub fn band(&self, side: Side) -> PriceBand {
        match side {
            Side::Buy => self.bid,
            Side::Sell => self.ask,
        }
    }
}
