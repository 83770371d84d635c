//! Placing an order list: every leg is checked before anything changes, then those begin that do not wait (section 6 of
//! rules 2).

use crate::admission::{Admission, Gate};
use crate::codec::ClientId;
use crate::engine::Engine;
use crate::filters::require;
use crate::listings::next;
use crate::lists::OrderList;
use crate::open::OpenCounts;
use crate::orders::{Execution, Order, Place};
use crate::placing::Outlook;
use crate::requests::ListRequest;
use crate::turn::Turn;
use crate::words::{ExecutionKind, ListForm, ListStatus, OrderStatus, OrderType, Reason, Side};

/// Whether a leg may be the pair's limit or take-profit half; the other half is a stop loss.
fn is_profit_half(order_type: OrderType) -> bool {
    matches!(order_type, OrderType::LimitMaker | OrderType::TakeProfit | OrderType::TakeProfitLimit)
}

fn is_loss_half(order_type: OrderType) -> bool {
    matches!(order_type, OrderType::StopLoss | OrderType::StopLossLimit)
}

/// Whether two orders may be the halves of a pair.
pub fn is_pair_valid(above: &Order, below: &Order) -> bool {
    let (profit, loss) = if above.side == Side::Sell { (above, below) } else { (below, above) };
    above.side == below.side
        && above.quantity == below.quantity
        && is_profit_half(profit.order_type)
        && is_loss_half(loss.order_type)
}

fn is_list_valid(form: ListForm, legs: &[Order]) -> bool {
    let pair = form.pair_at().is_none_or(|place| is_pair_valid(&legs[place], &legs[place + 1]));
    if !form.has_working() {
        return pair;
    }
    let (working, pending) = (&legs[0], &legs[1..]);
    let is_working_limit = matches!(working.order_type, OrderType::Limit | OrderType::LimitMaker);
    let pays = !form.pays_on()
        || (working.side == Side::Buy && pending.iter().all(|leg| leg.side == Side::Sell && leg.quantity == 0));
    pair && is_working_limit && pays && pending.iter().all(|leg| !leg.by_quote())
}

impl Engine {
    pub(crate) fn place_list(&mut self, request: &ListRequest) -> Result<(), Reason> {
        let (account, instrument) = (request.legs[0].account, request.legs[0].instrument);
        let (mut turn, slot) = self.turn(account, instrument)?;
        let mut legs = turn.admit_legs(request, slot)?;
        turn.check_list(request, &legs)?;
        if request.form.has_working() {
            turn.check_beginning(&mut legs[0])?;
            let outlook = turn.weigh(&mut legs[0])?;
            turn.open_list(request, &mut legs);
            turn.place_working(legs, outlook);
        } else {
            for leg in &mut legs {
                turn.check_beginning(leg)?;
            }
            turn.check_pair_balance(&mut legs)?;
            turn.open_list(request, &mut legs);
            turn.begin_pair(legs);
        }
        turn.work_off();
        turn.finish();
        Ok(())
    }

    pub(crate) fn cancel_order_list(
        &mut self,
        (account, instrument): (u64, u32),
        list: u64,
        list_client_id: &ClientId,
        request_id: &ClientId,
    ) -> Result<(), Reason> {
        let (mut turn, slot) = self.turn(account, instrument)?;
        let lists = &turn.listing.lists;
        let found = if list != 0 {
            let is_meant = |known: &&OrderList| {
                let is_named = list_client_id.is_empty() || known.list_client_id == *list_client_id;
                known.account_slot == slot && is_named
            };
            lists.get(list).filter(is_meant).map(|known| known.id)
        } else {
            // No list has an empty client id, so naming neither finds nothing.
            lists.by_client(slot, list_client_id)
        };
        turn.cancel_list(found.ok_or(Reason::UnknownList)?, request_id);
        turn.finish();
        Ok(())
    }
}

impl Turn<'_> {
    fn admit_legs(&self, request: &ListRequest, account_slot: u32) -> Result<Vec<Order>, Reason> {
        let mut before = OpenCounts::default();
        let mut legs = Vec::with_capacity(request.legs.len());
        for (place, leg) in request.legs.iter().enumerate() {
            let is_pending = request.form.has_working() && place > 0;
            let admission = Admission {
                gate: if place == 0 { Gate::FirstLeg(request.form) } else { Gate::NextLeg },
                before,
                is_pending,
                is_paid_on: is_pending && request.form.pays_on(),
            };
            let order = self.draft(leg, account_slot);
            self.admit(leg, &order, &admission)?;
            before.add(&order);
            legs.push(order);
        }
        Ok(legs)
    }

    /// Check from INVALID_LIST to BAD_PRICES.
    fn check_list(&self, request: &ListRequest, legs: &[Order]) -> Result<(), Reason> {
        require(is_list_valid(request.form, legs), Reason::InvalidList)?;
        let account_slot = legs[0].account_slot;
        let lists = &self.listing.lists;
        let is_below = |open: u32, max: u32| max == 0 || open < max;
        let here = lists.count_of(account_slot);
        require(is_below(here, self.listing.rules.lists_max), Reason::MaxNumOrderLists)?;
        let all = self.accounts.at(account_slot).open_lists;
        require(is_below(all, self.venue.rules.lists_max), Reason::ExchangeMaxNumOrderLists)?;
        for (place, leg) in legs.iter().enumerate() {
            self.check_client_id(leg)?;
            let is_repeated = legs[..place].iter().any(|before| before.client_id == leg.client_id);
            require(!is_repeated, Reason::DuplicateClientId)?;
        }
        let is_free = lists.by_client(account_slot, &request.list_client_id).is_none();
        require(is_free, Reason::DuplicateClientId)?;
        match request.form.pair_at() {
            Some(place) => self.check_pair_prices(&legs[place], &legs[place + 1], place == 0),
            None => Ok(()),
        }
    }

    /// Number the legs and say that the list begins.
    fn open_list(&mut self, request: &ListRequest, legs: &mut [Order]) {
        let id = next(&mut self.listing.counters.list);
        for leg in legs.iter_mut() {
            leg.id = next(&mut self.listing.counters.order);
            leg.extra_mut().list = id;
        }
        let list = OrderList {
            id,
            account: self.accounts.at(legs[0].account_slot).id,
            account_slot: legs[0].account_slot,
            form: request.form,
            list_client_id: request.list_client_id,
            legs: legs.iter().map(|leg| (leg.id, leg.client_id)).collect(),
            open: legs.len(),
        };
        let instrument = self.listing.definition.instrument;
        self.events.list_updated(instrument, &list, ListStatus::ExecStarted, &ClientId::EMPTY);
        self.accounts.at_mut(list.account_slot).open_lists += 1;
        self.listing.lists.add(list);
    }

    /// Let the working order of a list begin, and the others wait for it.
    fn place_working(&mut self, mut legs: Vec<Order>, outlook: Outlook) {
        let pending = legs.split_off(1);
        let Some(mut working) = legs.pop() else { return };
        self.begin(&working, &outlook, ExecutionKind::New);
        for mut leg in pending {
            leg.set_working_us(-1);
            leg.extra_mut().place = Place::Pending;
            let accepted = Execution::new(ExecutionKind::New, OrderStatus::PendingNew);
            self.report(&leg, &accepted);
            self.enter(&mut leg);
        }
        self.run(&mut working, outlook);
    }
}
