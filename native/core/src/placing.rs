//! How an order begins: the last checks, its hold, its first event (section 5, Placing; rules 2, sections 4 and 5).

use crate::events::Replacement;
use crate::filters::{PriceRange, require};
use crate::listings::next;
use crate::orders::{Execution, Order, Place, crosses};
use crate::turn::Turn;
use crate::words::{ExecutionKind, OrderStatus, OrderType, PegType, Reason, Side, TimeInForce};

/// What was found out about an order that works from now on.
pub struct Outlook {
    /// FOK that would not fill: it expires at once.
    pub expires_at_once: bool,
    /// By quote, and the book ends before the money.
    pub ran_dry: bool,
    pub range: Option<PriceRange>,
}

impl Turn<'_> {
    /// Check DUPLICATE_CLIENT_ID.
    #[inline(always)]
    pub fn check_client_id(&self, order: &Order) -> Result<(), Reason> {
        let is_free = self.listing.open.by_client_of(order).is_none();
        require(is_free, Reason::DuplicateClientId)
    }

    /// Check what depends on the moment of beginning, up to WOULD_TAKE, and bring the order to where it begins.
    #[inline(always)]
    pub fn check_beginning(&self, order: &mut Order) -> Result<(), Reason> {
        if order.order_type.is_stop() {
            self.check_trigger(order)?;
            self.make_waiting(order);
            return Ok(());
        }
        self.check_working(order, true)
    }

    /// Check WOULD_TRIGGER and NO_MARKET_PRICE.
    fn check_trigger(&self, order: &Order) -> Result<(), Reason> {
        let (stop, last) = (order.stop_price(), self.listing.last_price);
        if stop == 0 {
            return require(last > 0, Reason::NoMarketPrice);
        }
        let waits = if order.order_type.is_rising(order.side) { stop > last } else { stop < last };
        require(last == 0 || waits, Reason::WouldTrigger)
    }

    fn make_waiting(&self, order: &mut Order) {
        let (side, price, last) = (order.side, order.price, self.listing.last_price);
        order.set_working_us(-1);
        let time_us = self.time_us;
        let extra = order.extra_mut();
        extra.place = Place::Waiting;
        if side == Side::Buy {
            let candidates = [price, extra.stop_price, last];
            extra.basis = candidates.into_iter().find(|candidate| *candidate > 0).unwrap_or(0);
        }
        if extra.stop_price == 0 {
            extra.trailing_us = time_us;
            extra.extreme = last;
        }
    }

    /// Check a pegged order's price and WOULD_TAKE; the order works from now on.
    #[inline]
    pub fn check_working(&self, order: &mut Order, asks_asset_limits: bool) -> Result<(), Reason> {
        if let Some((peg_type, offset)) = order.peg() {
            let side = if peg_type == PegType::Primary { order.side } else { order.side.opposite() };
            order.price = self.listing.book.price_at(side, usize::from(offset)).ok_or(Reason::PegLiquidity)?;
            self.check_price(order.price)?;
            self.check_bands(order.side, order.price)?;
            self.check_value(order)?;
            if asks_asset_limits {
                self.check_asset_limits(order, true)?;
            }
        }
        if order.order_type == OrderType::LimitMaker {
            let best = self.listing.book.best_price(order.side.opposite());
            let takes = best.is_some_and(|best| crosses(order.side, order.price, best));
            require(!takes, Reason::WouldTake)?;
        }
        order.set_working_us(self.time_us);
        if let Some(extra) = &mut order.extra {
            extra.place = Place::OnBook;
            extra.basis = 0;
        }
        Ok(())
    }

    /// Find out what a working order will meet and has to hold; check that it can.
    #[inline(always)]
    pub fn weigh(&self, order: &mut Order) -> Result<Outlook, Reason> {
        let is_market_buy = order.order_type.is_market() && order.side == Side::Buy;
        let range = self.price_range(order.side);
        let mut outlook = Outlook { expires_at_once: false, ran_dry: false, range };
        let mut cost = 0;
        if order.by_quote() {
            let found = self.walk_by_quote(order, range.as_ref());
            order.quantity = self.check_filled(found.filled)?;
            outlook.ran_dry = found.ran_dry;
            cost = found.cost;
        } else if is_market_buy || order.time_in_force() == TimeInForce::FillOrKill {
            let found = self.walk(order, range.as_ref());
            outlook.expires_at_once = !is_market_buy && found.filled < i128::from(order.quantity);
            cost = found.cost;
        }
        let held = if is_market_buy { cost } else { order.hold_of(order.quantity) };
        order.set_held(held);
        let needed = order.quote_quantity().filter(|_| is_market_buy).unwrap_or(held);
        self.check_balance(order, needed)?;
        Ok(outlook)
    }

    /// Check INSUFFICIENT_BALANCE.
    #[inline(always)]
    pub fn check_balance(&self, order: &Order, needed: i128) -> Result<(), Reason> {
        let available = self.accounts.at(order.account_slot).balance(self.hold_asset(order.side)).available;
        require(available >= needed, Reason::InsufficientBalance)
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

    /// Place an admitted order unless its last checks fail; what it replaces is told of first.
    #[inline(always)]
    pub fn place(&mut self, order: &mut Order, replacement: Option<&Replacement>) -> Result<(), Reason> {
        self.check_beginning(order)?;
        let outlook = if order.place() == Place::Waiting {
            order.set_held(order.need());
            self.check_balance(order, order.held())?;
            None
        } else {
            Some(self.weigh(order)?)
        };
        order.id = next(&mut self.listing.counters.order);
        if let Some(replacement) = replacement {
            self.events.cancel_replaced(&Replacement { new_order: order.id, ..*replacement });
        }
        match outlook {
            None => self.wait(order),
            Some(outlook) => {
                let maker = self.expect_maker(order);
                self.begin(order, &outlook, ExecutionKind::New);
                self.expect_ways(maker);
                self.run(order, outlook);
            }
        }
        Ok(())
    }

    /// Take a working order's hold and say that it works.
    #[inline(always)]
    pub fn begin(&mut self, order: &Order, outlook: &Outlook, kind: ExecutionKind) {
        self.hold(order);
        let on_book = !order.order_type.is_market() && !outlook.expires_at_once;
        let began = Execution { on_book, ..Execution::new(kind, OrderStatus::New) };
        self.report(order, &began);
    }

    /// Take a stop order's hold and let it wait for its trigger.
    pub fn wait(&mut self, order: &mut Order) {
        self.hold(order);
        let accepted = Execution::new(ExecutionKind::New, OrderStatus::New);
        self.report(order, &accepted);
        self.enter(order);
    }
}
