//! Auctions: orders collect, the price at which most of them would trade is indicated, and at the end they trade there
//! (section 7 of rules 2).

use crate::events::Events;
use crate::listings::{Listing, next};
use crate::orders::notional;
use crate::settling::Fill;
use crate::turn::Turn;
use crate::words::{InstrumentStatus, Side};

/// What would trade now; all zeros when nothing would.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Indication {
    pub price: i64,
    pub quantity: i128,
    /// Demand less supply at that price.
    pub imbalance: i128,
}

impl Listing {
    /// Announce the indication when an auction began, or when the book changed and it with it.
    #[inline(always)]
    pub fn announce_indication(&mut self, events: &mut Events, time_us: i64) {
        if self.definition.status == InstrumentStatus::Auction {
            self.announce(events, time_us);
        }
    }

    #[cold]
    fn announce(&mut self, events: &mut Events, time_us: i64) {
        if self.indication.is_some() && !self.book.has_other_remaining() {
            return;
        }
        let indication = self.indicate(time_us);
        if self.indication != Some(indication) {
            self.indication = Some(indication);
            events.auction_indicated(self.definition.instrument, &indication);
        }
    }

    /// The price at which most would trade, then with the least left over, then nearest to the reference price.
    pub fn indicate(&self, time_us: i64) -> Indication {
        let (Some(bid), Some(ask)) = (self.book.best_price(Side::Buy), self.book.best_price(Side::Sell)) else {
            return Indication::default();
        };
        let reference = self.reference_price(time_us);
        let bids = self.crossing_levels(Side::Buy, ask);
        let asks = self.crossing_levels(Side::Sell, bid);
        let mut prices: Vec<i64> = bids.iter().chain(&asks).map(|level| level.0).collect();
        prices.sort_unstable();
        prices.dedup();
        let mut demand: i128 = bids.iter().map(|level| level.1).sum();
        let mut supply: i128 = 0;
        // From the lowest price up: bids come worst first off the end, asks best first off the front.
        let (mut bids_below, mut asks_up_to) = (bids.iter().rev().peekable(), asks.iter().peekable());
        let mut best = None;
        for price in prices {
            while let Some(level) = bids_below.next_if(|level| level.0 < price) {
                demand -= level.1;
            }
            while let Some(level) = asks_up_to.next_if(|level| level.0 <= price) {
                supply += level.1;
            }
            let (quantity, imbalance) = (demand.min(supply), demand - supply);
            let distance = reference.map_or(0, |reference| (i128::from(price) - reference).abs());
            let rank = (-quantity, imbalance.abs(), distance, price);
            if best.is_none_or(|(before, _)| rank < before) {
                best = Some((rank, Indication { price, quantity, imbalance }));
            }
        }
        best.map_or(Indication::default(), |(_, indication)| indication)
    }

    /// Price and remaining quantity of a side's levels from the best up to `limit`.
    fn crossing_levels(&self, side: Side, limit: i64) -> Vec<(i64, i128)> {
        let levels = self.book.levels_from_best(side).map(|(price, level)| (price, level.total + level.hidden));
        levels.take_while(|(price, _)| crate::orders::crosses(side, *price, limit)).collect()
    }
}

impl Turn<'_> {
    /// Let the crossed book trade at the indicated price; then what that fires or fills begins.
    pub fn uncross(&mut self) {
        let Indication { price, mut quantity, .. } = self.listing.indicate(self.time_us);
        let mut last_taker = None;
        while quantity > 0 {
            let (Some(bid), Some(ask)) = (self.listing.book.best(Side::Buy), self.listing.book.best(Side::Sell)) else {
                break;
            };
            let open = &self.listing.open;
            let is_bid_later = open.order(bid).id > open.order(ask).id;
            let (maker, taker) = if is_bid_later { (ask, bid) } else { (bid, ask) };
            let both = open.order(bid).remaining().min(open.order(ask).remaining());
            let traded = i64::try_from(quantity).map_or(both, |quantity| quantity.min(both));
            let taker_id = open.order(taker).id;
            if last_taker.replace(taker_id) != Some(taker_id) {
                next(&mut self.listing.counters.aggregate);
            }
            self.cross(maker, taker, price, traded);
            quantity -= i128::from(traded);
        }
        self.evaluate(price);
        self.work_off();
    }

    /// Trade two resting orders with each other.
    fn cross(&mut self, maker: u32, taker: u32, price: i64, quantity: i64) {
        self.start_leg(maker);
        self.start_leg(taker);
        let trade = next(&mut self.listing.counters.trade);
        let fill = Fill { price, quantity, quote: notional(price, quantity), trade };
        let mut taking = self.listing.open.order(taker).clone();
        let (maker_fill, mut taker_fill) = self.exchange(maker, &mut taking, &fill);
        self.report_maker(maker, maker_fill);
        self.reduce_maker(maker, quantity, true);
        taker_fill.on_book = taking.remaining() > 0;
        *self.listing.open.order_mut(taker) = taking;
        self.report_open(taker, &taker_fill);
        self.reduce_maker(taker, quantity, true);
    }
}
