//! A listed instrument: its definition, counters, book and recent prices.

use std::collections::VecDeque;

use crate::UNIT;
use crate::activating::Activation;
use crate::auction::Indication;
use crate::book::Book;
use crate::events::Events;
use crate::instruments::Definition;
use crate::limits::InstrumentRules;
use crate::lists::Lists;
use crate::open::OpenOrders;
use crate::triggers::Triggers;
use crate::words::InstrumentStatus;

const MINUTE_US: i64 = 60_000_000;
/// A bucket's sums stay below this, so that averaging cannot leave `i128`.
pub const WINDOW_BOUND: i128 = 1 << 90;

/// What traded within one minute.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    pub minute: i64,
    pub quote: i128,
    pub quantity: i128,
}

/// The last ids given, each counting per instrument from 1.
#[derive(Clone, Default, Debug)]
pub struct Counters {
    pub order: u64,
    pub trade: u64,
    pub aggregate: u64,
    pub update: u64,
    pub execution: u64,
    pub prevented_match: u64,
    pub list: u64,
}

#[derive(Clone)]
pub struct Listing {
    pub definition: Definition,
    pub rules: InstrumentRules,
    pub counters: Counters,
    pub open: OpenOrders,
    pub book: Book,
    pub triggers: Triggers,
    pub lists: Lists,
    /// Orders about to begin; empty between commands.
    pub queue: VecDeque<Activation>,
    /// What was announced last in this auction.
    pub indication: Option<Indication>,
    /// 0 before the first trade.
    pub last_price: i64,
    pub window: VecDeque<Bucket>,
}

/// Give the next id of a counter.
#[inline]
pub fn next(counter: &mut u64) -> u64 {
    *counter += 1;
    *counter
}

pub fn minute_of(time_us: i64) -> i64 {
    time_us.div_euclid(MINUTE_US)
}

impl Listing {
    pub fn new(definition: Definition) -> Self {
        Self {
            rules: InstrumentRules::none(definition.instrument),
            definition,
            counters: Counters::default(),
            open: OpenOrders::default(),
            book: Book::default(),
            triggers: Triggers::default(),
            lists: Lists::default(),
            queue: VecDeque::new(),
            indication: None,
            last_price: 0,
            window: VecDeque::new(),
        }
    }

    /// The price that filters measure against: the window's average, else the last trade's, else none (section 5).
    #[inline(always)]
    pub fn reference_price(&self, time_us: i64) -> Option<i128> {
        if self.definition.average_minutes > 0 {
            return self.average_price(time_us);
        }
        (self.last_price > 0).then_some(i128::from(self.last_price))
    }

    #[inline(never)]
    fn average_price(&self, time_us: i64) -> Option<i128> {
        let oldest = minute_of(time_us) - i64::from(self.definition.average_minutes);
        let recent = self.window.iter().filter(|bucket| bucket.minute > oldest);
        let (quote, quantity) = recent.fold((0, 0), |sums, bucket| (sums.0 + bucket.quote, sums.1 + bucket.quantity));
        if quantity > 0 {
            return Some(quote * i128::from(UNIT) / quantity);
        }
        (self.last_price > 0).then_some(i128::from(self.last_price))
    }

    /// Take a trade into the last price and the window.
    #[inline]
    pub fn note_trade(&mut self, time_us: i64, price: i64, quantity: i64, quote: i128) {
        self.last_price = price;
        let minute = minute_of(time_us);
        let oldest = minute - i64::from(self.definition.average_minutes.max(1));
        while self.window.front().is_some_and(|bucket| bucket.minute <= oldest) {
            self.window.pop_front();
        }
        let quantity = i128::from(quantity);
        let is_new_minute = self.window.back().is_none_or(|bucket| bucket.minute != minute);
        if is_new_minute && quote < WINDOW_BOUND {
            self.window.push_back(Bucket { minute, quote: 0, quantity: 0 });
        }
        let Some(bucket) = self.window.back_mut().filter(|bucket| bucket.minute == minute) else { return };
        if bucket.quote + quote < WINDOW_BOUND && bucket.quantity + quantity < WINDOW_BOUND {
            bucket.quote += quote;
            bucket.quantity += quantity;
        }
    }

    /// Report every level that differs from before the command.
    ///
    /// # Panics
    /// When the command leaves the book crossed while the instrument trades.
    pub fn report_levels(&mut self, events: &mut Events) {
        let may_be_crossed = self.definition.status != InstrumentStatus::Trading;
        assert!(may_be_crossed || !self.book.is_crossed(), "a book is crossed at rest");
        let Self { definition, counters, book, .. } = self;
        book.take_changes(|side, price, total| {
            events.level_changed(definition.instrument, next(&mut counters.update), side, price, total);
        });
    }
}
