//! Taking orders off the book: one, all of an account's, or one in exchange for a new one (section 5).

use std::collections::BTreeSet;

use crate::admission::{Admission, Gate};
use crate::codec::ClientId;
use crate::commands::Change;
use crate::engine::Engine;
use crate::events::Replacement;
use crate::orders::Execution;
use crate::requests::{CancelRequest, OrderRequest};
use crate::turn::Turn;
use crate::words::{Reason, ReplaceMode, ReplaceResult, Restriction};

impl Engine {
    /// Cancel an order, place one, or both.
    #[inline(always)]
    pub(crate) fn change_open(&mut self, change: &Change) -> Result<(), Reason> {
        let (mut turn, slot) = self.turn(change.account, change.instrument)?;
        if let Some(request) = &change.order {
            turn.change(request, slot, change)?;
        } else if let Some(cancel) = &change.cancel {
            turn.cancel_named(cancel, slot)?;
        }
        turn.finish();
        Ok(())
    }

    pub(crate) fn cancel_all(&mut self, account: u64, instrument: u32, request_id: &ClientId) -> Result<(), Reason> {
        self.accounts.slot(account).ok_or(Reason::UnknownAccount)?;
        if instrument != 0 && !self.listings.contains_key(&instrument) {
            return Err(Reason::UnknownInstrument);
        }
        let mut touched = BTreeSet::new();
        self.cancel_open(account, instrument, request_id, &mut touched)?;
        if touched.is_empty() {
            return Err(Reason::UnknownOrder);
        }
        self.finish(&touched)
    }

    /// Cancel what an account has open at an instrument (0: at every one), by instrument and order id.
    pub(crate) fn cancel_open(
        &mut self,
        account: u64,
        instrument: u32,
        request_id: &ClientId,
        touched: &mut BTreeSet<u32>,
    ) -> Result<(), Reason> {
        let slot = self.accounts.slot(account).ok_or(Reason::UnknownAccount)?;
        let is_wanted = |id: u32| instrument == 0 || instrument == id;
        let has_open = |id: &u32| self.listings[id].open.counts_of(slot).orders > 0;
        let wanted: Vec<u32> = self.listings.keys().copied().filter(|id| is_wanted(*id) && has_open(id)).collect();
        for id in wanted {
            let mut turn = self.turn_at(id)?;
            for order in turn.listing.open.ids_of(slot) {
                // It may have been canceled with its list just now.
                if let Some(order) = turn.listing.open.by_id(order) {
                    turn.cancel(order, request_id);
                }
            }
            touched.insert(id);
        }
        Ok(())
    }
}

impl Turn<'_> {
    /// Find an open order of an account by its id, or else its client id.
    pub fn find(&self, order: u64, client_id: &ClientId, account_slot: u32) -> Result<u32, Reason> {
        let open = &self.listing.open;
        if order == 0 {
            // No order has an empty client id, so naming neither finds nothing.
            return open.by_client_near(self.hint.order, account_slot, client_id).ok_or(Reason::UnknownOrder);
        }
        let slot = open.by_id(order).ok_or(Reason::UnknownOrder)?;
        if open.order(slot).account_slot != account_slot {
            return Err(Reason::UnknownOrder);
        }
        if !client_id.is_empty() && open.order(slot).client_id != *client_id {
            return Err(Reason::ClientIdMismatch);
        }
        Ok(slot)
    }

    /// Find the order that a cancel names, if it may be canceled.
    fn find_cancelable(&self, cancel: &CancelRequest, account_slot: u32) -> Result<u32, Reason> {
        let slot = self.find(cancel.order, &cancel.client_id, account_slot)?;
        let is_filled_in_part = self.listing.open.order(slot).executed > 0;
        match cancel.restriction {
            Restriction::OnlyNew if is_filled_in_part => Err(Reason::CancelRestricted),
            Restriction::OnlyPartiallyFilled if !is_filled_in_part => Err(Reason::CancelRestricted),
            _ => Ok(slot),
        }
    }

    /// End an open order, and with it the list it belongs to, and release the holds; answers its id.
    pub fn cancel(&mut self, slot: u32, request_id: &ClientId) -> u64 {
        let order = self.listing.open.order(slot);
        let (id, list) = (order.id, order.list());
        if list == 0 {
            self.end(slot, &Execution::canceled(request_id));
        } else {
            self.cancel_list(list, request_id);
        }
        id
    }

    /// Cancel the order that a request names; answers its id.
    #[inline(never)]
    fn cancel_named(&mut self, cancel: &CancelRequest, account_slot: u32) -> Result<u64, Reason> {
        let slot = self.find_cancelable(cancel, account_slot)?;
        Ok(self.cancel(slot, &cancel.request_id))
    }

    /// Place an order that passes its first checks; before that, cancel the one that it replaces, if it does.
    #[inline(always)]
    fn change(&mut self, request: &OrderRequest, account_slot: u32, change: &Change) -> Result<(), Reason> {
        self.listing.open.draw_near(account_slot, self.hint.owner);
        let mut order = self.draft(request, account_slot);
        let gate = if change.cancel.is_some() { Gate::Replacement } else { Gate::Order };
        self.admit(request, &order, &Admission::through(gate))?;
        let mut replacement = match &change.cancel {
            Some(cancel) => match self.replace(cancel, account_slot, change.mode) {
                Some(replacement) => Some(replacement),
                None => return Ok(()),
            },
            None => None,
        };
        let placed = self.check_client_id(&order).and_then(|()| {
            if request.is_test {
                self.events.order_tested(request.account, request.instrument, &request.client_id);
                return Ok(());
            }
            self.place(&mut order, replacement.as_ref())
        });
        match (placed, &mut replacement) {
            (Err(reason), Some(replacement)) => {
                replacement.new_result = ReplaceResult::Failure;
                replacement.new_reason = Some(reason);
                self.events.cancel_replaced(replacement);
            }
            (Err(reason), None) => return Err(reason),
            (Ok(()), _) => {}
        }
        self.work_off();
        Ok(())
    }

    /// Cancel an order that is to be replaced; answers what came of it, unless that ends the command.
    #[inline]
    fn replace(&mut self, cancel: &CancelRequest, account_slot: u32, mode: ReplaceMode) -> Option<Replacement> {
        let mut outcome = Replacement {
            cancel_result: ReplaceResult::Success,
            cancel_reason: None,
            new_result: ReplaceResult::Success,
            new_reason: None,
            canceled_order: 0,
            new_order: 0,
        };
        match self.cancel_named(cancel, account_slot) {
            Ok(id) => outcome.canceled_order = id,
            Err(reason) => {
                outcome.cancel_result = ReplaceResult::Failure;
                outcome.cancel_reason = Some(reason);
                if mode == ReplaceMode::StopOnFailure {
                    outcome.new_result = ReplaceResult::NotAttempted;
                    self.events.cancel_replaced(&outcome);
                    return None;
                }
            }
        }
        Some(outcome)
    }
}
