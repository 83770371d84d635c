//! An order at work: its trades by price and arrival, and how it ends.

use crate::events::Trade;
use crate::filters::PriceRange;
use crate::legs::Ending;
use crate::listings::next;
use crate::open::NIL;
use crate::orders::{Execution, Order, notional};
use crate::placing::Outlook;
use crate::settling::Fill;
use crate::turn::Turn;
use crate::words::{Expiry, InstrumentStatus, OrderStatus, Prevention, TimeInForce};

/// The order at work, and what it has to remember between its trades.
struct Taker<'a> {
    order: &'a mut Order,
    ran_dry: bool,
    range: Option<PriceRange>,
    first_price: Option<i64>,
    /// The price of its trade before, whose aggregate id goes on while the price stays.
    traded_at: Option<i64>,
}

/// Why an order takes no more.
enum Stop {
    /// Nothing of it or nothing for it is left.
    Done,
    Prevented,
    OutOfRange,
}

impl Turn<'_> {
    /// Let an order take what it crosses; what is left rests or expires. Then its trades may fire others.
    #[inline]
    pub fn run(&mut self, order: &mut Order, outlook: Outlook) {
        if outlook.expires_at_once {
            self.expire(order, Expiry::UnfilledFok);
        } else if self.listing.definition.status == InstrumentStatus::Auction {
            self.rest(order);
        } else if self.meets_nobody(order) {
            self.settle_rest(order, outlook.ran_dry);
        } else {
            self.meet(order, outlook);
        }
    }

    #[inline]
    pub fn meets_nobody(&self, order: &Order) -> bool {
        self.listing.book.best_price(order.side.opposite()).is_none_or(|price| !order.crosses(price))
    }

    /// Let an order take what it crosses, and let what is left rest or expire.
    #[inline(never)]
    fn meet(&mut self, order: &mut Order, outlook: Outlook) {
        let Outlook { ran_dry, range, .. } = outlook;
        let mut taker = Taker { order, ran_dry, range, first_price: None, traded_at: None };
        let stop = self.take(&mut taker);
        let prices = (taker.first_price, taker.traded_at);
        match stop {
            Stop::Done => self.settle_rest(order, ran_dry),
            Stop::Prevented => {}
            Stop::OutOfRange => self.expire(order, Expiry::PriceRangeExceeded),
        }
        if let (Some(first), Some(last)) = prices {
            self.evaluate(first);
            self.evaluate(last);
        }
    }

    /// End an order that is on no list of open ones.
    pub fn expire(&mut self, order: &mut Order, expiry: Expiry) {
        self.release_all(order);
        self.report(order, &Execution::expired(expiry));
        self.follow_end(order.list(), order.id, Ending::Otherwise);
    }

    /// Match while the best opposite order crosses.
    fn take(&mut self, taker: &mut Taker<'_>) -> Stop {
        let opposite = taker.order.side.opposite();
        while taker.order.remaining() > 0 {
            // The price first: what does not cross never looks at the order behind it.
            let Some(price) = self.listing.book.best_price(opposite).filter(|price| taker.order.crosses(*price)) else {
                break;
            };
            if taker.range.is_some_and(|range| !range.allows(price)) {
                return Stop::OutOfRange;
            }
            let Some(maker) = self.listing.book.best(opposite) else { break };
            let resting = self.listing.open.order(maker);
            let is_prevented = taker.order.stp() != Prevention::None
                && self.accounts.are_self(taker.order.account_slot, resting.account_slot);
            if !is_prevented {
                self.trade(taker, maker);
            } else if self.prevent(taker.order, maker) {
                return Stop::Prevented;
            }
        }
        Stop::Done
    }

    /// What is left after matching rests, or expires.
    #[inline]
    fn settle_rest(&mut self, order: &mut Order, ran_dry: bool) {
        if order.remaining() > 0 {
            if order.order_type.is_market() {
                self.expire(order, Expiry::InsufficientLiquidity);
            } else if order.time_in_force() == TimeInForce::GoodTillCanceled {
                self.rest(order);
            } else {
                self.expire(order, Expiry::UnfilledIoc);
            }
        } else if ran_dry {
            self.expire(order, Expiry::InsufficientLiquidity);
        } else {
            self.release_all(order);
        }
    }

    /// Trade with the best opposite order at its price.
    fn trade(&mut self, taker: &mut Taker<'_>, maker: u32) {
        self.start_leg(maker);
        let resting = self.listing.open.order(maker);
        let price = resting.price;
        let quantity = taker.order.remaining().min(resting.visible());
        let trade = next(&mut self.listing.counters.trade);
        if taker.traded_at != Some(price) {
            next(&mut self.listing.counters.aggregate);
            taker.traded_at = Some(price);
            taker.first_price.get_or_insert(price);
        }
        let fill = Fill { price, quantity, quote: notional(price, quantity), trade };
        let next_maker = if taker.order.remaining() > quantity { self.expect_after(maker) } else { NIL };
        let (maker_fill, mut taker_fill) = self.exchange(maker, taker.order, &fill);
        self.expect_ways(next_maker);
        self.report_maker(maker, maker_fill);
        self.reduce_maker(maker, quantity, false);
        if taker.ran_dry {
            // What it filled in full was only what the book had: it goes on to expire.
            taker_fill.status = OrderStatus::PartiallyFilled;
        }
        self.report(taker.order, &taker_fill);
        if taker.order.remaining() == 0 {
            self.follow_end(taker.order.list(), taker.order.id, Ending::Filled);
        }
    }

    /// Book a fill of a resting order and another, and report the trade.
    #[inline]
    pub fn exchange(&mut self, maker: u32, taker: &mut Order, fill: &Fill) -> (Execution<'static>, Execution<'static>) {
        let executions = self.settle(maker, taker, fill);
        self.listing.note_trade(self.time_us, fill.price, fill.quantity, fill.quote);
        let resting = self.listing.open.order(maker);
        self.events.traded(&Trade {
            instrument: self.listing.definition.instrument,
            trade: fill.trade,
            aggregate: self.listing.counters.aggregate,
            price: fill.price,
            quantity: fill.quantity,
            quote: fill.quote,
            maker_order: resting.id,
            taker_order: taker.id,
            maker_account: self.accounts.at(resting.account_slot).id,
            taker_account: self.accounts.at(taker.account_slot).id,
            taker_side: taker.side,
        });
        executions
    }

    #[inline]
    pub fn report_maker(&mut self, maker: u32, mut execution: Execution<'_>) {
        execution.is_maker = true;
        execution.on_book = self.listing.open.order(maker).remaining() > 0;
        self.report_open(maker, &execution);
    }

    /// Take off the book what a resting order traded, with what follows when that was all of it.
    #[inline]
    pub fn reduce_maker(&mut self, maker: u32, quantity: i64, keeps_place: bool) {
        let resting = self.listing.open.order(maker);
        let (list, id, is_done) = (resting.list(), resting.id, resting.remaining() == 0);
        self.reduce(maker, quantity, keeps_place);
        if is_done {
            self.follow_end(list, id, Ending::Filled);
        }
    }
}
