//! The books of a fill: what each side gives, receives and pays for it.

use crate::accounts::{Accounts, HOUSE_SLOT};
use crate::fees::{commission, rates_for};
use crate::instruments::Definition;
use crate::orders::{Execution, Matched, Order, notional};
use crate::tariffs::Tariffs;
use crate::turn::Turn;
use crate::words::{ExecutionKind, OrderStatus, Side, feature};

/// What two orders exchanged.
pub struct Fill {
    pub price: i64,
    pub quantity: i64,
    pub quote: i128,
    pub trade: u64,
}

/// What booking needs to know and to change.
struct Booking<'a> {
    accounts: &'a mut Accounts,
    definition: &'a Definition,
    tariffs: &'a Tariffs,
    has_discount: bool,
}

impl Booking<'_> {
    /// Book one side of a fill; `is_paid_on`: the base that it buys is held for another order of its list.
    #[inline]
    fn settle(&mut self, order: &mut Order, fill: &Fill, rate: i64, is_paid_on: bool) -> Execution<'static> {
        let quantity = i128::from(fill.quantity);
        let slot = order.account_slot;
        let (base, quote) = (self.definition.base, self.definition.quote);
        let (charged, commission_asset) = match order.side {
            Side::Sell => {
                order.set_held(order.held() - quantity);
                self.accounts.change(slot, base, 0, -quantity);
                self.receive(slot, quote, fill.quote, rate)
            }
            Side::Buy => {
                let is_market = order.order_type.is_market();
                let spent = if is_market { fill.quote } else { notional(order.price, fill.quantity) };
                order.set_held(order.held() - spent);
                self.accounts.change(slot, quote, spent - fill.quote, -spent);
                self.receive(slot, base, quantity, rate)
            }
        };
        order.executed += fill.quantity;
        order.set_cumulative_quote(order.cumulative_quote() + fill.quote);
        let status = if order.remaining() == 0 { OrderStatus::Filled } else { OrderStatus::PartiallyFilled };
        let matched = Matched {
            last_price: fill.price,
            last_quantity: fill.quantity,
            last_quote: fill.quote,
            commission: charged,
            commission_asset,
            trade: fill.trade,
            ..Matched::default()
        };
        let execution = Execution { matched: Some(matched), ..Execution::new(ExecutionKind::Trade, status) };
        if is_paid_on {
            self.accounts.hold(slot, base, bought(fill, &execution, base));
        }
        execution
    }

    /// Take in what a fill brings, less the commission; answers the commission and its asset.
    #[inline]
    fn receive(&mut self, slot: u32, asset: u32, received: i128, rate: i64) -> (i128, u32) {
        let charged = commission(received, rate);
        if self.has_discount
            && charged > 0
            && self.accounts.at(slot).uses_discount
            && let Some(asked) = self.tariffs.discounted(charged, asset)
        {
            let discount_asset = self.tariffs.discount_asset;
            self.accounts.change(slot, asset, received, 0);
            if self.accounts.at(slot).balance(discount_asset).available >= asked {
                self.accounts.change(slot, discount_asset, -asked, 0);
                self.accounts.change(HOUSE_SLOT, discount_asset, asked, 0);
                return (asked, discount_asset);
            }
            self.accounts.change(slot, asset, -charged, 0);
        } else {
            self.accounts.change(slot, asset, received - charged, 0);
        }
        self.accounts.change(HOUSE_SLOT, asset, charged, 0);
        (charged, asset)
    }
}

/// The base that a buyer keeps of a fill.
fn bought(fill: &Fill, execution: &Execution<'_>, base: u32) -> i128 {
    let charged = execution.matched.as_ref().filter(|matched| matched.commission_asset == base);
    i128::from(fill.quantity) - charged.map_or(0, |matched| matched.commission)
}

impl Turn<'_> {
    /// Book both sides of a fill; answers the executions of maker and taker.
    #[inline]
    pub fn settle(&mut self, maker: u32, taker: &mut Order, fill: &Fill) -> (Execution<'static>, Execution<'static>) {
        let base = self.listing.definition.base;
        let maker_paid = self.paid_leg(self.listing.open.order(maker));
        let taker_paid = self.paid_leg(taker);
        let definition = &self.listing.definition;
        let tariffs = &self.venue.tariffs;
        let resting = self.listing.open.order_mut(maker);
        let maker_rate = rates_for(self.accounts.at(resting.account_slot), definition, tariffs).maker;
        let taker_rate = rates_for(self.accounts.at(taker.account_slot), definition, tariffs).taker;
        let has_discount = self.listing.rules.has(feature::DISCOUNT);
        let mut booking = Booking { accounts: self.accounts, definition, tariffs, has_discount };
        // An account that trades with itself sells before it buys.
        let is_taker_first = resting.account_slot == taker.account_slot && taker.side == Side::Sell;
        let (maker_fill, taker_fill) = if is_taker_first {
            let taker_fill = booking.settle(taker, fill, taker_rate, taker_paid.is_some());
            (booking.settle(resting, fill, maker_rate, maker_paid.is_some()), taker_fill)
        } else {
            let maker_fill = booking.settle(resting, fill, maker_rate, maker_paid.is_some());
            (maker_fill, booking.settle(taker, fill, taker_rate, taker_paid.is_some()))
        };
        for (paid, execution) in [(maker_paid, &maker_fill), (taker_paid, &taker_fill)] {
            if let Some(leg) = paid {
                let leg = self.listing.open.order_mut(leg);
                leg.set_held(leg.held() + bought(fill, execution, base));
            }
        }
        (maker_fill, taker_fill)
    }
}
