//! An order at work: its hold, its trades by price and arrival, prevention of self-trades, and how it ends.

use crate::accounts::{Accounts, HOUSE_SLOT};
use crate::events::{Events, Trade};
use crate::fees::{commission, rates_for};
use crate::listings::{Listing, next};
use crate::orders::{Execution, Order, notional};
use crate::placing::Prepared;
use crate::words::{ExecutionKind, Expiry, OrderStatus, OrderType, Prevention, Side, TimeInForce};

/// One command's turn at one instrument.
pub struct Turn<'a> {
    pub listing: &'a mut Listing,
    pub accounts: &'a mut Accounts,
    pub events: &'a mut Events,
    pub time_us: i64,
}

/// What two orders exchanged.
struct Fill {
    price: i64,
    quantity: i64,
    quote: i128,
    trade: u64,
}

/// The order at work, and what it has to remember between its trades.
struct Taker {
    order: Order,
    ran_dry: bool,
    /// The price of its trade before, whose aggregate id goes on while the price stays.
    traded_at: Option<i64>,
}

impl Turn<'_> {
    /// The asset that an order of this side holds.
    #[inline]
    pub fn hold_asset(&self, side: Side) -> u32 {
        match side {
            Side::Buy => self.listing.definition.quote,
            Side::Sell => self.listing.definition.base,
        }
    }

    /// Give back part of what an order holds.
    #[inline]
    fn release(&mut self, order: &mut Order, amount: i128) {
        order.held -= amount;
        self.accounts.release(order.account_slot, self.hold_asset(order.side), amount);
    }

    fn release_all(&mut self, order: &mut Order) {
        let held = order.held;
        self.release(order, held);
    }

    /// Give back part of what a resting order holds.
    #[inline]
    pub fn release_resting(&mut self, slot: u32, amount: i128) {
        let order = self.listing.book.order_mut(slot);
        order.held -= amount;
        let (account_slot, side) = (order.account_slot, order.side);
        self.accounts.release(account_slot, self.hold_asset(side), amount);
    }

    /// Place an order that passed its checks; answers its id.
    pub fn place(&mut self, prepared: Prepared) -> u64 {
        let Prepared { mut order, expires_at_once, ran_dry } = prepared;
        order.id = next(&mut self.listing.counters.order);
        let id = order.id;
        self.accounts.hold(order.account_slot, self.hold_asset(order.side), order.held);
        let on_book = order.order_type != OrderType::Market && !expires_at_once;
        let accepted = Execution { on_book, ..Execution::new(ExecutionKind::New, OrderStatus::New) };
        self.listing.report(self.events, &order, &accepted);
        if expires_at_once {
            self.expire(&mut order, Expiry::UnfilledFok);
            return id;
        }
        let mut taker = Taker { order, ran_dry, traded_at: None };
        if !self.take(&mut taker) {
            self.finish(taker);
        }
        id
    }

    fn expire(&mut self, order: &mut Order, expiry: Expiry) {
        self.release_all(order);
        self.listing.report(self.events, order, &Execution::expired(expiry));
    }

    /// Match while the best opposite order crosses; answers whether prevention ended the taker.
    fn take(&mut self, taker: &mut Taker) -> bool {
        let opposite = taker.order.side.opposite();
        while taker.order.remaining() > 0 {
            let Some(maker) = self.listing.book.best(opposite) else { break };
            let resting = self.listing.book.order(maker);
            if !taker.order.crosses(resting.price) {
                break;
            }
            let is_prevented = taker.order.stp != Prevention::None
                && self.accounts.are_self(taker.order.account_slot, resting.account_slot);
            if !is_prevented {
                self.trade(taker, maker);
            } else if self.prevent(&mut taker.order, maker) {
                return true;
            }
        }
        false
    }

    /// What is left after matching rests, or expires.
    fn finish(&mut self, taker: Taker) {
        let Taker { mut order, ran_dry, .. } = taker;
        let is_market = order.order_type == OrderType::Market;
        if order.remaining() > 0 {
            if is_market {
                self.expire(&mut order, Expiry::InsufficientLiquidity);
            } else if order.time_in_force == TimeInForce::GoodTillCanceled {
                self.listing.book.insert(order);
            } else {
                self.expire(&mut order, Expiry::UnfilledIoc);
            }
        } else if ran_dry {
            self.expire(&mut order, Expiry::InsufficientLiquidity);
        } else {
            self.release_all(&mut order);
        }
    }

    /// Trade with the best opposite order at its price.
    fn trade(&mut self, taker: &mut Taker, maker: u32) {
        let resting = self.listing.book.order(maker);
        let (maker_order, maker_account, price) = (resting.id, resting.account, resting.price);
        let quantity = taker.order.remaining().min(resting.remaining());
        let quote = notional(price, quantity);
        let trade = next(&mut self.listing.counters.trade);
        if taker.traded_at != Some(price) {
            next(&mut self.listing.counters.aggregate);
            taker.traded_at = Some(price);
        }
        let fill = Fill { price, quantity, quote, trade };
        let definition = &self.listing.definition;
        let maker_rate = rates_for(self.accounts.at(resting.account_slot), definition).maker;
        let taker_rate = rates_for(self.accounts.at(taker.order.account_slot), definition).taker;
        let (base_asset, quote_asset) = (definition.base, definition.quote);
        let resting = self.listing.book.order_mut(maker);
        let mut maker_fill = settle(self.accounts, resting, &fill, maker_rate, base_asset, quote_asset);
        let mut taker_fill = settle(self.accounts, &mut taker.order, &fill, taker_rate, base_asset, quote_asset);
        let is_maker_done = resting.remaining() == 0;
        self.listing.note_trade(self.time_us, price, quantity, quote);
        self.events.traded(&Trade {
            instrument: self.listing.definition.instrument,
            trade,
            aggregate: self.listing.counters.aggregate,
            price,
            quantity,
            quote,
            maker_order,
            taker_order: taker.order.id,
            maker_account,
            taker_account: taker.order.account,
            taker_side: taker.order.side,
        });
        maker_fill.is_maker = true;
        maker_fill.on_book = !is_maker_done;
        self.listing.report_resting(self.events, maker, &maker_fill);
        self.listing.book.reduce(maker, quantity);
        if taker.ran_dry {
            // What it filled in full was only what the book had: it goes on to expire.
            taker_fill.status = OrderStatus::PartiallyFilled;
        }
        self.listing.report(self.events, &taker.order, &taker_fill);
    }

    /// Keep an order from trading with one of its own; answers whether that ended the taker.
    fn prevent(&mut self, taker: &mut Order, maker: u32) -> bool {
        let prevented_match = next(&mut self.listing.counters.prevented_match);
        let resting = self.listing.book.order(maker);
        let (maker_order, maker_remaining) = (resting.id, resting.remaining());
        let taker_remaining = taker.remaining();
        let (off_maker, off_taker) = match taker.stp {
            Prevention::ExpireMaker => (maker_remaining, 0),
            Prevention::ExpireBoth => (maker_remaining, taker_remaining),
            Prevention::Decrement => {
                let both = maker_remaining.min(taker_remaining);
                (both, both)
            }
            // NONE never comes here: such a taker trades with its own.
            Prevention::ExpireTaker | Prevention::None => (0, taker_remaining),
        };
        if off_maker > 0 {
            self.prevent_maker(maker, off_maker, prevented_match, taker.id);
        }
        if off_taker > 0 {
            self.prevent_taker(taker, off_taker, prevented_match, maker_order);
        }
        taker.remaining() == 0
    }

    fn prevent_maker(&mut self, maker: u32, quantity: i64, prevented_match: u64, counter_order: u64) {
        let resting = self.listing.book.order_mut(maker);
        resting.prevented += quantity;
        let released = resting.hold_of(quantity);
        self.release_resting(maker, released);
        let resting = self.listing.book.order(maker);
        let is_gone = resting.remaining() == 0;
        let mut execution = prevention(resting, quantity, prevented_match, counter_order);
        execution.is_maker = true;
        execution.on_book = !is_gone;
        self.listing.report_resting(self.events, maker, &execution);
        self.listing.book.reduce(maker, quantity);
    }

    fn prevent_taker(&mut self, taker: &mut Order, quantity: i64, prevented_match: u64, counter_order: u64) {
        let is_expired_whole = taker.stp != Prevention::Decrement;
        taker.prevented += quantity;
        if is_expired_whole {
            self.release_all(taker);
        } else if taker.order_type != OrderType::Market || taker.side == Side::Sell {
            // A MARKET BUY holds what its walk found to cost, which left the prevented part out.
            let released = taker.hold_of(quantity);
            self.release(taker, released);
        }
        let execution = prevention(taker, quantity, prevented_match, counter_order);
        self.listing.report(self.events, taker, &execution);
    }
}

fn prevention(order: &Order, quantity: i64, prevented_match: u64, counter_order: u64) -> Execution {
    let is_gone = order.remaining() == 0;
    let status = if is_gone { OrderStatus::ExpiredInMatch } else { order.resting_status() };
    Execution {
        prevented_match,
        last_prevented: quantity,
        counter_order,
        ..Execution::new(ExecutionKind::TradePrevention, status)
    }
}

/// Book one side of a fill: the order's numbers, its account's balances and the house's commission.
fn settle(
    accounts: &mut Accounts,
    order: &mut Order,
    fill: &Fill,
    rate: i64,
    base_asset: u32,
    quote_asset: u32,
) -> Execution {
    let quantity = i128::from(fill.quantity);
    let slot = order.account_slot;
    let (charged, commission_asset) = match order.side {
        Side::Sell => {
            let charged = commission(fill.quote, rate);
            order.held -= quantity;
            accounts.change(slot, base_asset, 0, -quantity);
            accounts.change(slot, quote_asset, fill.quote - charged, 0);
            (charged, quote_asset)
        }
        Side::Buy => {
            let charged = commission(quantity, rate);
            let is_market = order.order_type == OrderType::Market;
            let spent = if is_market { fill.quote } else { notional(order.price, fill.quantity) };
            order.held -= spent;
            accounts.change(slot, quote_asset, spent - fill.quote, -spent);
            accounts.change(slot, base_asset, quantity - charged, 0);
            (charged, base_asset)
        }
    };
    accounts.change(HOUSE_SLOT, commission_asset, charged, 0);
    order.executed += fill.quantity;
    order.cumulative_quote += fill.quote;
    let status = if order.remaining() == 0 { OrderStatus::Filled } else { OrderStatus::PartiallyFilled };
    Execution {
        last_price: fill.price,
        last_quantity: fill.quantity,
        last_quote: fill.quote,
        commission: charged,
        commission_asset,
        trade: fill.trade,
        ..Execution::new(ExecutionKind::Trade, status)
    }
}
