//! What the legs of an order list do to one another (section 6 of rules 2).

use crate::activating::Activation;
use crate::codec::ClientId;
use crate::orders::{Execution, Order};
use crate::turn::Turn;
use crate::words::{Expiry, ListStatus};

/// How an order ended, as far as its list asks. Cancels end whole lists and have a way of their own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Filled,
    Otherwise,
}

impl Turn<'_> {
    /// Let the end of an order have its consequences; just after the event that said so.
    #[inline]
    pub fn follow_end(&mut self, list: u64, order: u64, ending: Ending) {
        if list != 0 {
            self.follow_leg(list, order, ending);
        }
    }

    #[cold]
    fn follow_leg(&mut self, list: u64, order: u64, ending: Ending) {
        let is_last = self.listing.lists.note_end(list);
        let Some(known) = self.listing.lists.get(list) else { return };
        if !is_last && known.working() == Some(order) {
            if ending == Ending::Filled {
                self.listing.queue.push_back(Activation::Pending(list));
                return;
            }
            let pending: Vec<u64> = known.pending().iter().map(|leg| leg.0).collect();
            for leg in pending {
                self.expire_leg(list, leg, Expiry::OtoPhaseOneExpired);
            }
        } else if let Some(sibling) = known.sibling_of(order) {
            self.expire_leg(list, sibling, Expiry::OcoTrigger);
        }
        self.close_list_if_done(list, &ClientId::EMPTY);
    }

    /// End a leg if it is open; answers whether it was.
    fn expire_leg(&mut self, list: u64, order: u64, expiry: Expiry) -> bool {
        let Some(slot) = self.listing.open.by_id(order) else { return false };
        self.end(slot, &Execution::expired(expiry));
        self.listing.lists.note_end(list);
        true
    }

    /// Report that a list is done when no leg is open any more.
    pub fn close_list_if_done(&mut self, list: u64, request_id: &ClientId) {
        if self.listing.lists.get(list).is_none_or(|known| known.open > 0) {
            return;
        }
        if let Some(list) = self.listing.lists.remove(list) {
            self.accounts.at_mut(list.account_slot).open_lists -= 1;
            self.events.list_updated(self.listing.definition.instrument, &list, ListStatus::AllDone, request_id);
        }
    }

    /// End the other leg of an order's pair, if it is open; answers whether it was.
    pub fn expire_sibling(&mut self, list: u64, order: u64) -> bool {
        let sibling = self.listing.lists.get(list).and_then(|known| known.sibling_of(order));
        sibling.is_some_and(|sibling| self.expire_leg(list, sibling, Expiry::OcoTrigger))
    }

    /// Before a resting order trades or is prevented: the other leg of its pair ends, and it holds for itself.
    #[inline]
    pub fn start_leg(&mut self, slot: u32) {
        let order = self.listing.open.order(slot);
        let (list, id) = (order.list(), order.id);
        if list != 0 && self.expire_sibling(list, id) {
            let need = self.listing.open.order(slot).need();
            self.set_held(slot, need);
        }
    }

    /// Cancel every open leg of a list, by order id.
    pub fn cancel_list(&mut self, list: u64, request_id: &ClientId) {
        let legs = self.listing.lists.get(list).map_or(Vec::new(), |known| known.legs.clone());
        for (order, _) in legs {
            if let Some(slot) = self.listing.open.by_id(order) {
                self.end(slot, &Execution::canceled(request_id));
                self.listing.lists.note_end(list);
            }
        }
        self.close_list_if_done(list, request_id);
    }

    /// The pending leg that holds what an order buys, if its list pays on.
    #[inline]
    pub fn paid_leg(&self, order: &Order) -> Option<u32> {
        if order.list() == 0 {
            return None;
        }
        let list = self.listing.lists.get(order.list())?;
        let pays = list.form.pays_on() && list.working() == Some(order.id);
        if pays { self.listing.open.by_id(list.legs[1].0) } else { None }
    }
}
