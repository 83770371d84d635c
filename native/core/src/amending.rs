//! Making an order smaller where it stands (rules 2, section 4, AmendOrder).

use crate::codec::ClientId;
use crate::engine::Engine;
use crate::filters::require;
use crate::legs::Ending;
use crate::listings::{Listing, next};
use crate::orders::{Execution, Order, Place, notional};
use crate::requests::AmendRequest;
use crate::turn::Turn;
use crate::words::{ExecutionKind, InstrumentStatus, ListStatus, OrderStatus, Reason, feature};

impl Engine {
    pub(crate) fn amend_order(&mut self, request: &AmendRequest) -> Result<(), Reason> {
        let (mut turn, account_slot) = self.turn(request.account, request.instrument)?;
        let slot = turn.check_amendment(request, account_slot)?;
        turn.amend(slot, request);
        turn.finish();
        Ok(())
    }
}

impl Turn<'_> {
    /// Check from ACCOUNT_DISABLED to DUPLICATE_CLIENT_ID; answers the order's slot.
    fn check_amendment(&self, request: &AmendRequest, account_slot: u32) -> Result<u32, Reason> {
        let (definition, rules) = (&self.listing.definition, &self.listing.rules);
        self.check_account(account_slot)?;
        require(rules.has(feature::AMEND), Reason::AmendNotSupported)?;
        let is_closed = matches!(definition.status, InstrumentStatus::Halt | InstrumentStatus::Break);
        require(!is_closed, Reason::InstrumentNotTrading)?;
        let slot = self.find(request.order, &request.client_id, account_slot)?;
        let order = self.listing.open.order(slot);
        require(!self.is_paid_on(order), Reason::AmendPending)?;
        let amends = order.extra.as_ref().map_or(0, |extra| extra.amends);
        require(rules.amends_max == 0 || amends < rules.amends_max, Reason::MaxNumOrderAmends)?;
        require(request.new_quantity != order.quantity, Reason::NoChange)?;
        require(request.new_quantity < order.quantity, Reason::AmendIncrease)?;
        self.check_lot(request.new_quantity)?;
        require(request.new_quantity >= order.executed + order.prevented(), Reason::AmendTooSmall)?;
        let is_priced = !order.order_type.is_market() && order.price > 0;
        let is_enough = !is_priced || notional(order.price, request.new_quantity) >= definition.notional_min;
        require(is_enough, Reason::Notional)?;
        let named = self.listing.open.by_client(account_slot, &request.new_client_id);
        require(named.is_none_or(|named| named == slot), Reason::DuplicateClientId)?;
        Ok(slot)
    }

    /// Whether its quantity is not known yet, since its list's working order still buys it.
    fn is_paid_on(&self, order: &Order) -> bool {
        let list = self.listing.lists.get(order.list());
        order.place() == Place::Pending && list.is_some_and(|list| list.form.pays_on())
    }

    fn amend(&mut self, slot: u32, request: &AmendRequest) {
        let order = self.listing.open.order(slot);
        let (id, list, original) = (order.id, order.list(), order.client_id);
        let known = self.listing.lists.get(list);
        let sibling = known.and_then(|known| self.listing.open.by_id(known.sibling_of(id)?));
        let is_holder = known.is_none_or(|known| sibling.is_none() || known.holder() == Some(id));
        let amended: Vec<u32> = std::iter::once(slot).chain(sibling).collect();
        for leg in &amended {
            self.shorten(*leg, request.new_quantity);
        }
        if original != request.new_client_id {
            self.listing.open.rename(slot, request.new_client_id);
            self.listing.lists.rename(list, id, request.new_client_id);
        }
        let need = amended.iter().map(|leg| self.listing.open.order(*leg).need()).max().unwrap_or(0);
        self.set_held(if is_holder { slot } else { sibling.unwrap_or(slot) }, need);
        self.report_amended(slot, &original);
        if let Some(sibling) = sibling {
            let client_id = self.listing.open.order(sibling).client_id;
            self.report_amended(sibling, &client_id);
        }
        if self.listing.open.order(slot).remaining() == 0 {
            self.forget(slot);
            self.follow_end(list, id, Ending::Otherwise);
        } else if original != request.new_client_id
            && let Some(known) = self.listing.lists.get(list)
        {
            let instrument = self.listing.definition.instrument;
            self.events.list_updated(instrument, known, ListStatus::Updated, &ClientId::EMPTY);
        }
    }

    fn shorten(&mut self, slot: u32, new_quantity: i64) {
        let Listing { open, book, .. } = &mut *self.listing;
        let order = open.order_mut(slot);
        let by = order.quantity - new_quantity;
        order.quantity = new_quantity;
        let extra = order.extra_mut();
        extra.amends = extra.amends.saturating_add(1);
        if extra.place == Place::OnBook {
            book.shorten(open, slot, by);
        }
    }

    fn report_amended(&mut self, slot: u32, original: &ClientId) {
        let order = self.listing.open.order(slot);
        let is_over = order.remaining() == 0;
        let status = if is_over { OrderStatus::Expired } else { order.resting_status() };
        let on_book = order.place() == Place::OnBook && !is_over;
        let execution = Execution { on_book, ..Execution::new(ExecutionKind::Replaced, status) };
        let execution_id = next(&mut self.listing.counters.execution);
        let instrument = self.listing.definition.instrument;
        let account = self.accounts.at(order.account_slot).id;
        self.events.extended_order_updated((account, instrument, execution_id), order, &execution, original);
    }
}
