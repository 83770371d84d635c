//! One command's turn at one instrument: orders come in and leave, with all that is kept about them.

use crate::accounts::Accounts;
use crate::ahead::Hint;
use crate::events::Events;
use crate::listings::{Listing, next};
use crate::orders::{Execution, Order, Place};
use crate::venue::Venue;
use crate::words::Side;

pub struct Turn<'a> {
    pub listing: &'a mut Listing,
    pub accounts: &'a mut Accounts,
    pub events: &'a mut Events,
    pub venue: &'a mut Venue,
    pub time_us: i64,
    /// Where what the command names likely is.
    pub hint: Hint,
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

    /// Take what an order holds from what its account has available.
    #[inline(always)]
    pub fn hold(&mut self, order: &Order) {
        self.accounts.hold(order.account_slot, self.hold_asset(order.side), order.held());
    }

    /// Give back part of what an order holds.
    #[inline]
    pub fn release(&mut self, order: &mut Order, amount: i128) {
        order.set_held(order.held() - amount);
        self.accounts.release(order.account_slot, self.hold_asset(order.side), amount);
    }

    pub fn release_all(&mut self, order: &mut Order) {
        let held = order.held();
        self.release(order, held);
    }

    /// Change what an open order holds.
    #[inline(always)]
    pub fn set_held(&mut self, slot: u32, amount: i128) {
        let order = self.listing.open.order_mut(slot);
        let more = amount - order.held();
        order.set_held(amount);
        let (account_slot, side) = (order.account_slot, order.side);
        self.accounts.hold(account_slot, self.hold_asset(side), more);
    }

    /// Let an order rest on the book.
    #[inline(always)]
    pub fn rest(&mut self, order: &mut Order) {
        let is_hold_right = order.list() != 0 || order.held() == order.hold_of(order.remaining());
        assert!(is_hold_right, "an order holds another amount than it can spend");
        order.show();
        self.enter(order);
    }

    /// Take an order in as open where it says that it stands.
    pub fn enter(&mut self, order: &mut Order) {
        self.accounts.count_in(order);
        let expires_us = order.expires_us();
        if expires_us > 0 {
            self.venue.expiries.insert((expires_us, self.listing.definition.instrument, order.id));
        }
        let place = order.place();
        let slot = self.listing.open.add(order);
        self.stand(slot, place);
    }

    /// As [`Self::enter`], of an order that was laid into a slot.
    pub fn enter_laid(&mut self, slot: u32) {
        let order = self.listing.open.order(slot);
        self.accounts.count_in(order);
        let expires_us = order.expires_us();
        if expires_us > 0 {
            self.venue.expiries.insert((expires_us, self.listing.definition.instrument, order.id));
        }
        let place = order.place();
        self.listing.open.add_laid(slot);
        self.stand(slot, place);
    }

    #[inline(always)]
    fn stand(&mut self, slot: u32, place: Place) {
        let Listing { open, book, triggers, .. } = &mut *self.listing;
        match place {
            Place::OnBook => book.join(open, slot),
            Place::Waiting => triggers.add(open.order(slot)),
            Place::Pending => {}
        }
    }

    /// Let an order leave from where it stands.
    #[inline(always)]
    pub fn leave(&mut self, slot: u32) {
        let Listing { open, book, triggers, .. } = &mut *self.listing;
        match open.order(slot).place() {
            Place::OnBook => book.leave(open, slot),
            Place::Waiting => triggers.remove(open.order(slot)),
            Place::Pending => {}
        }
        self.forget(slot);
    }

    /// Forget an order that has left its place.
    #[inline]
    pub fn forget(&mut self, slot: u32) {
        let order = self.listing.open.order(slot);
        self.accounts.count_out(order);
        let expires_us = order.expires_us();
        if expires_us > 0 {
            self.venue.expiries.remove(&(expires_us, self.listing.definition.instrument, order.id));
        }
        self.listing.open.forget(slot);
    }

    /// Let an order leave that goes on elsewhere.
    pub fn take_out(&mut self, slot: u32) -> Order {
        let order = self.listing.open.order(slot).clone();
        self.leave(slot);
        order
    }

    /// Take off the book what a resting order lost, and the order too when nothing remains of it.
    #[inline]
    pub fn reduce(&mut self, slot: u32, quantity: i64, keeps_place: bool) {
        let Listing { open, book, .. } = &mut *self.listing;
        book.reduce(open, slot, quantity, keeps_place);
        let order = open.order(slot);
        assert!(order.held() == order.hold_of(order.remaining()), "an order holds another amount than it can spend");
        if order.remaining() == 0 {
            self.forget(slot);
        }
    }

    /// End an open order: its hold is released, the execution reported.
    pub fn end(&mut self, slot: u32, execution: &Execution) {
        self.set_held(slot, 0);
        self.report_open(slot, execution);
        self.leave(slot);
    }

    /// Report one execution of an order under the instrument's next execution id.
    #[inline]
    pub fn report(&mut self, order: &Order, execution: &Execution) {
        let execution_id = next(&mut self.listing.counters.execution);
        let account = self.accounts.at(order.account_slot).id;
        let instrument = self.listing.definition.instrument;
        self.events.order_updated((account, instrument, execution_id), order, execution);
    }

    /// Report one execution of an open order.
    #[inline]
    pub fn report_open(&mut self, slot: u32, execution: &Execution) {
        let execution_id = next(&mut self.listing.counters.execution);
        let order = self.listing.open.order(slot);
        let account = self.accounts.at(order.account_slot).id;
        let instrument = self.listing.definition.instrument;
        self.events.order_updated((account, instrument, execution_id), order, execution);
    }

    /// Report what the turn did to auctions and levels.
    #[inline]
    pub fn finish(&mut self) {
        self.listing.announce_indication(self.events, self.time_us);
        self.listing.report_levels(self.events);
    }
}
