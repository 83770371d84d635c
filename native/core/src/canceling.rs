//! Taking orders off the book: one, all of an account's, or one in exchange for a new one (section 5).

use crate::codec::ClientId;
use crate::commands::{CancelRequest, OrderRequest};
use crate::events::Replacement;
use crate::matching::Turn;
use crate::orders::Execution;
use crate::words::{ExecutionKind, OrderStatus, Prevention, Reason, ReplaceMode, ReplaceResult, Restriction};

impl Turn<'_> {
    /// Find the order that a cancel names, if it may be canceled.
    pub fn find(&self, cancel: &CancelRequest, account_slot: u32) -> Result<u32, Reason> {
        let book = &self.listing.book;
        let slot = if cancel.order != 0 {
            let slot = book.by_id(cancel.order).ok_or(Reason::UnknownOrder)?;
            if book.order(slot).account_slot != account_slot {
                return Err(Reason::UnknownOrder);
            }
            if !cancel.client_id.is_empty() && book.order(slot).client_id != cancel.client_id {
                return Err(Reason::ClientIdMismatch);
            }
            slot
        } else {
            // No order has an empty client id, so naming neither finds nothing.
            book.by_client(account_slot, &cancel.client_id).ok_or(Reason::UnknownOrder)?
        };
        let is_filled_in_part = book.order(slot).executed > 0;
        match cancel.restriction {
            Restriction::OnlyNew if is_filled_in_part => Err(Reason::CancelRestricted),
            Restriction::OnlyPartiallyFilled if !is_filled_in_part => Err(Reason::CancelRestricted),
            _ => Ok(slot),
        }
    }

    /// Take an order off the book and release its hold; answers its id.
    pub fn cancel(&mut self, slot: u32, request_id: ClientId) -> u64 {
        let order = self.listing.book.order(slot);
        let (id, held) = (order.id, order.held);
        self.release_resting(slot, held);
        let canceled = Execution { request_id, ..Execution::new(ExecutionKind::Canceled, OrderStatus::Canceled) };
        self.listing.report_resting(self.events, slot, &canceled);
        self.listing.book.remove(slot);
        id
    }

    /// Cancel one order and place another, in that order; the request has passed its first checks.
    pub fn cancel_replace(
        &mut self,
        mode: ReplaceMode,
        cancel: &CancelRequest,
        request: &OrderRequest,
        account_slot: u32,
        stp: Prevention,
    ) {
        let mut outcome = Replacement {
            cancel_result: ReplaceResult::Success,
            cancel_reason: None,
            new_result: ReplaceResult::Success,
            new_reason: None,
            canceled_order: 0,
            new_order: 0,
        };
        match self.find(cancel, account_slot) {
            Ok(slot) => outcome.canceled_order = self.cancel(slot, cancel.request_id),
            Err(reason) => {
                outcome.cancel_result = ReplaceResult::Failure;
                outcome.cancel_reason = Some(reason);
                if mode == ReplaceMode::StopOnFailure {
                    outcome.new_result = ReplaceResult::NotAttempted;
                    self.events.cancel_replaced(&outcome);
                    return;
                }
            }
        }
        let checked = self.check_client_id(request, account_slot);
        match checked.and_then(|()| self.prepare(request, account_slot, stp)) {
            Ok(prepared) => {
                outcome.new_order = self.listing.counters.order + 1;
                self.events.cancel_replaced(&outcome);
                let placed = self.place(prepared);
                debug_assert_eq!(placed, outcome.new_order);
            }
            Err(reason) => {
                outcome.new_result = ReplaceResult::Failure;
                outcome.new_reason = Some(reason);
                self.events.cancel_replaced(&outcome);
            }
        }
    }
}
