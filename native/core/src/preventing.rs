//! Self-trade prevention: orders of one account or group meet and do not trade (section 5, Match).

use crate::accounts::Accounts;
use crate::instruments::Definition;
use crate::legs::Ending;
use crate::listings::next;
use crate::orders::{Execution, Matched, Order, notional};
use crate::turn::Turn;
use crate::words::{ExecutionKind, OrderStatus, Prevention, Side};

/// A meeting that was prevented.
struct Meeting {
    prevented_match: u64,
    /// The maker's.
    price: i64,
    /// Whether the goods change hands all the same, without a trade.
    is_transfer: bool,
}

impl Turn<'_> {
    /// Whether a meeting of these two hands the goods over instead of trading them.
    pub fn is_transfer(&self, taker: &Order, maker: &Order) -> bool {
        taker.stp() == Prevention::Transfer
            && maker.stp() == Prevention::Transfer
            && taker.account_slot != maker.account_slot
    }

    /// Keep an order from trading with one of its own; answers whether that ended the taker.
    pub fn prevent(&mut self, taker: &mut Order, maker: u32) -> bool {
        if taker.stp() != Prevention::ExpireTaker {
            self.start_leg(maker);
        }
        let resting = self.listing.open.order(maker);
        let (off_maker, off_taker) = match taker.stp() {
            Prevention::ExpireMaker => (resting.remaining(), 0),
            Prevention::ExpireBoth => (resting.remaining(), taker.remaining()),
            Prevention::Decrement | Prevention::Transfer => {
                let both = resting.visible().min(taker.remaining());
                (both, both)
            }
            // NONE never comes here: such a taker trades with its own.
            Prevention::ExpireTaker | Prevention::None => (0, taker.remaining()),
        };
        let maker_order = resting.id;
        let (price, is_transfer) = (resting.price, self.is_transfer(taker, resting));
        let prevented_match = next(&mut self.listing.counters.prevented_match);
        let meeting = Meeting { prevented_match, price, is_transfer };
        if off_maker > 0 {
            self.prevent_maker(maker, off_maker, &meeting, taker.id);
        }
        if off_taker > 0 {
            self.prevent_taker(taker, off_taker, &meeting, maker_order);
        }
        taker.remaining() == 0
    }

    fn prevent_maker(&mut self, maker: u32, quantity: i64, meeting: &Meeting, counter_order: u64) {
        let resting = self.listing.open.order_mut(maker);
        resting.prevent(quantity);
        if meeting.is_transfer {
            hand_over(self.accounts, &self.listing.definition, resting, quantity, meeting.price);
        } else {
            let left = resting.held() - resting.hold_of(quantity);
            self.set_held(maker, left);
        }
        let resting = self.listing.open.order(maker);
        let (list, id, is_gone) = (resting.list(), resting.id, resting.remaining() == 0);
        let mut execution = self.prevention(resting, quantity, meeting, counter_order);
        execution.is_maker = true;
        execution.on_book = !is_gone;
        self.report_open(maker, &execution);
        self.reduce(maker, quantity, false);
        if is_gone {
            self.follow_end(list, id, Ending::Otherwise);
        }
    }

    fn prevent_taker(&mut self, taker: &mut Order, quantity: i64, meeting: &Meeting, counter_order: u64) {
        let is_expired_whole = !matches!(taker.stp(), Prevention::Decrement | Prevention::Transfer);
        taker.prevent(quantity);
        if is_expired_whole {
            self.release_all(taker);
        } else if meeting.is_transfer {
            hand_over(self.accounts, &self.listing.definition, taker, quantity, meeting.price);
        } else if !taker.order_type.is_market() || taker.side == Side::Sell {
            // A MARKET BUY holds what its walk found to cost, which left the prevented part out.
            let released = taker.hold_of(quantity);
            self.release(taker, released);
        }
        let execution = self.prevention(taker, quantity, meeting, counter_order);
        self.report(taker, &execution);
        if taker.remaining() == 0 {
            self.follow_end(taker.list(), taker.id, Ending::Otherwise);
        }
    }

    fn prevention(&self, order: &Order, quantity: i64, meeting: &Meeting, counter_order: u64) -> Execution<'static> {
        let is_gone = order.remaining() == 0;
        let status = if is_gone { OrderStatus::ExpiredInMatch } else { order.resting_status() };
        let shows_price = self.venue.rules_version >= 2;
        let matched = Matched {
            last_price: if shows_price { meeting.price } else { 0 },
            prevented_match: meeting.prevented_match,
            last_prevented: quantity,
            counter_order,
            ..Matched::default()
        };
        Execution { matched: Some(matched), ..Execution::new(ExecutionKind::TradePrevention, status) }
    }
}

/// Book one side of a transfer at the maker's price: no trade, no commission.
fn hand_over(accounts: &mut Accounts, definition: &Definition, order: &mut Order, quantity: i64, price: i64) {
    let quote = notional(price, quantity);
    let goods = i128::from(quantity);
    match order.side {
        Side::Sell => {
            order.set_held(order.held() - goods);
            accounts.change(order.account_slot, definition.base, 0, -goods);
            accounts.change(order.account_slot, definition.quote, quote, 0);
        }
        Side::Buy => {
            let spent = if order.order_type.is_market() { quote } else { notional(order.price, quantity) };
            order.set_held(order.held() - spent);
            accounts.change(order.account_slot, definition.quote, spent - quote, -spent);
            accounts.change(order.account_slot, definition.base, goods, 0);
        }
    }
}
