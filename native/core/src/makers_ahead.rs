//! What an order that trades will need of the memory, asked for while it is told of what it did before.
//!
//! The look ahead ([`crate::ahead`]) asks for two makers at most, and nothing at all in a small venue. A wrong hint costs
//! nothing but its time.

use openbourse_book as ladder;

use crate::book::side_of;
use crate::open::NIL;
use crate::orders::Order;
use crate::turn::Turn;

impl Turn<'_> {
    /// Ask for the order that one at work will meet first; answers its slot, or [`NIL`].
    #[inline(always)]
    pub fn expect_maker(&self, order: &Order) -> u32 {
        if self.meets_nobody(order) { NIL } else { self.expect_first(order) }
    }

    #[inline(never)]
    fn expect_first(&self, order: &Order) -> u32 {
        self.expect_at(self.listing.book.ladder.best(side_of(order.side.opposite())))
    }

    /// Ask for the order that trades after a resting one; answers its slot, or [`NIL`].
    #[inline(never)]
    pub fn expect_after(&self, maker: u32) -> u32 {
        let ladder = &self.listing.book.ladder;
        let place = self.listing.open.place(maker);
        let after = ladder.behind(place).or_else(|| ladder.orders_in(ladder.worse(ladder.level(place))?).next());
        self.expect_at(after)
    }

    #[inline(always)]
    fn expect_at(&self, place: Option<ladder::Slot>) -> u32 {
        let Some(place) = place else { return NIL };
        let slot = *self.listing.book.ladder.payload(place);
        self.listing.open.prefetch_slot(slot);
        slot
    }

    /// Ask for what a trade with an order needs besides it, once the order has arrived.
    #[inline(always)]
    pub fn expect_ways(&self, maker: u32) {
        if maker != NIL {
            self.listing.open.prefetch_ways_to(maker, |account_slot| self.accounts.prefetch_at(account_slot));
        }
    }
}
