//! Reading an instrument with its orders and lists back from a snapshot; what no engine writes is refused.

use crate::UNIT;
use crate::auction::Indication;
use crate::codec::{ClientId, Reader};
use crate::commands::read_switch;
use crate::engine::Engine;
use crate::events::ORDER_HAS_STRATEGY;
use crate::hashes::client_key;
use crate::instruments::Definition;
use crate::limits::InstrumentRules;
use crate::listings::{Bucket, Counters, Listing, WINDOW_BOUND, minute_of};
use crate::lists::OrderList;
use crate::open::NIL;
use crate::orders::{Draft, Extra, Order, Place};
use crate::restore::{COUNTER_BOUND, are_distinct, check, read_ascending};
use crate::words::{InstrumentStatus, ListForm, OrderType, PegType, Prevention, Side, TimeInForce};

/// How many orders before its turn an order's places in the indexes are asked for.
const LOOKED_AHEAD: u32 = 8;

/// What is open at an instrument, its accounts not looked up yet.
pub struct Open {
    instrument: u32,
    /// The accounts of its orders, by slot.
    accounts: Vec<u64>,
    lists: Vec<OrderList>,
}

impl Engine {
    pub(crate) fn read_listings(&mut self, reader: &mut Reader<'_>) -> Option<Vec<Open>> {
        let mut open = Vec::new();
        let listings = read_ascending(reader, |reader| {
            let definition = Definition::read(reader)?;
            self.check_definition(&definition).ok()?;
            let instrument = definition.instrument;
            let mut listing = Listing::new(definition);
            self.read_market(reader, &mut listing)?;
            let accounts = self.read_orders(reader, &mut listing)?;
            let lists = if self.is_version_2() { read_lists(reader, &listing.counters)? } else { Vec::new() };
            open.push(Open { instrument, accounts, lists });
            Some((instrument, listing))
        })?;
        self.listings = listings.into_iter().collect();
        let mut symbols = self.listings.values().map(|listing| listing.definition.symbol.as_bytes());
        check(are_distinct(&mut symbols))?;
        Some(open)
    }

    /// Read what an instrument has besides its definition and its orders.
    fn read_market(&self, reader: &mut Reader<'_>, listing: &mut Listing) -> Option<()> {
        let is_auction = listing.definition.status == InstrumentStatus::Auction;
        if self.is_version_2() {
            listing.rules = InstrumentRules::read(reader)?;
            check(listing.rules.instrument == listing.definition.instrument && listing.rules.is_sound())?;
        } else {
            check(!is_auction)?;
        }
        let mut counter = || reader.u64().filter(|last| *last < COUNTER_BOUND);
        listing.counters = Counters {
            order: counter()?,
            trade: counter()?,
            aggregate: counter()?,
            update: counter()?,
            execution: counter()?,
            prevented_match: counter()?,
            list: if self.is_version_2() { counter()? } else { 0 },
        };
        listing.last_price = reader.i64().filter(|price| *price >= 0)?;
        let sums = 1..WINDOW_BOUND;
        let window = read_ascending(reader, |reader| {
            let bucket = Bucket { minute: reader.i64()?, quote: reader.i128()?, quantity: reader.i128()? };
            check((0..=minute_of(self.time_us)).contains(&bucket.minute))?;
            check(sums.contains(&bucket.quote) && sums.contains(&bucket.quantity))?;
            Some((bucket.minute, bucket))
        })?;
        // At most an hour is kept: no definition averages over more.
        check(window.len() <= 60)?;
        listing.window = window.into_iter().map(|(_, bucket)| bucket).collect();
        if self.is_version_2() {
            check(read_switch(reader)? == is_auction)?;
            if is_auction {
                let indication =
                    Indication { price: reader.i64()?, quantity: reader.i128()?, imbalance: reader.i128()? };
                let would_trade = indication.price > 0 && indication.quantity > 0;
                check(would_trade || indication == Indication::default())?;
                listing.indication = Some(indication);
            }
        }
        Some(())
    }

    /// Lay an instrument's orders down where they will stay, in the order of the snapshot: each side of the book as it
    /// would trade, then the others by id. Anywhere else they would be written, and waited for, twice. Answers their
    /// accounts' ids.
    fn read_orders(&self, reader: &mut Reader<'_>, listing: &mut Listing) -> Option<Vec<u64>> {
        let mut accounts = Vec::new();
        let ids = 1..=listing.counters.order;
        for side in [Side::Buy, Side::Sell] {
            let mut last_price = None;
            for _ in 0..reader.u32()? {
                let (account, order) = if self.is_version_2() {
                    self.read_order_2(reader, listing)?
                } else {
                    read_order(reader, side, &listing.definition)?
                };
                check(order.side == side && order.place() == Place::OnBook && ids.contains(&order.id))?;
                // Within a level the order of arrival is checked by the audit.
                check(last_price.is_none_or(|last| match side {
                    Side::Buy => last >= order.price,
                    Side::Sell => last <= order.price,
                }))?;
                last_price = Some(order.price);
                accounts.push(account);
                listing.open.lay(order);
            }
        }
        if self.is_version_2() {
            let mut last_id = 0;
            for _ in 0..reader.u32()? {
                let (account, order) = self.read_order_2(reader, listing)?;
                check(order.place() != Place::OnBook && order.id > last_id && ids.contains(&order.id))?;
                last_id = order.id;
                accounts.push(account);
                listing.open.lay(order);
            }
        }
        Some(accounts)
    }

    fn read_order_2(&self, reader: &mut Reader<'_>, listing: &Listing) -> Option<(u64, Order)> {
        let (id, account) = (reader.u64()?, reader.u64()?);
        let place = match reader.u8()? {
            0 => Place::OnBook,
            1 => Place::Waiting,
            2 => Place::Pending,
            _ => return None,
        };
        let side = Side::from_code(reader.u8()?)?;
        let order_type = OrderType::from_code(reader.u8()?)?;
        let mut order = read_order_core(reader, (id, side, order_type))?;
        order.set_held(reader.i128()?);
        let visible = reader.i64()?;
        let extra = read_extra(reader, place, visible)?;
        let is_extended = extra.stop_price != 0
            || extra.trailing_delta != 0
            || extra.iceberg != 0
            || extra.peg.is_some()
            || extra.expires_us != 0
            || extra.list != 0
            || extra.amends != 0;
        check(is_extended || place == Place::OnBook)?;
        check(extra.trailing_us <= self.time_us && (extra.trailing_us >= 0) == (extra.extreme > 0))?;
        if is_extended {
            order.extend(extra.clone());
        }
        check_quantities(&order, &listing.definition)?;
        check(visible == if place == Place::OnBook { order.visible() } else { 0 })?;
        check(place != Place::OnBook || (1..=order.remaining()).contains(&visible))?;
        check_extra(&order, &extra, &listing.definition)?;
        Some((account, order))
    }

    /// Let what was read stand where it stood.
    pub(crate) fn put_open(&mut self, all: Vec<Open>) -> Option<()> {
        for Open { instrument, accounts, lists } in all {
            let mut turn = self.turn_at(instrument).ok()?;
            let laid = turn.listing.open.laid();
            turn.listing.open.make_room(laid as usize, turn.accounts.len().min(laid as usize));
            turn.listing.book.ladder.reserve(laid as usize);
            for slot in 0..laid + LOOKED_AHEAD {
                // Each order's account by itself first: no lookup waits for the one before it.
                if slot < laid {
                    let order = turn.listing.open.order_mut(slot);
                    order.account_slot = turn.accounts.slot(*accounts.get(slot as usize)?)?;
                    order.client_key = client_key(order.account_slot, &order.client_id);
                    let order = turn.listing.open.order(slot);
                    turn.listing.open.prefetch_cells_of(order);
                    turn.accounts.prefetch_at(order.account_slot);
                }
                let Some(slot) = slot.checked_sub(LOOKED_AHEAD) else { continue };
                let order = turn.listing.open.order(slot);
                check(turn.listing.open.by_id(order.id).is_none())?;
                check(turn.listing.open.by_client_of(order).is_none())?;
                turn.enter_laid(slot);
            }
            turn.listing.book.forget_changes();
            for mut list in lists {
                list.account_slot = turn.accounts.slot(list.account)?;
                let open = &turn.listing.open;
                let is_leg = |id: u64| open.by_id(id).is_some_and(|slot| open.order(slot).list() == list.id);
                list.open = list.legs.iter().filter(|leg| is_leg(leg.0)).count();
                check(turn.listing.lists.by_client(list.account_slot, &list.list_client_id).is_none())?;
                turn.accounts.at_mut(list.account_slot).open_lists += 1;
                turn.listing.lists.add(list);
            }
        }
        Some(())
    }
}

fn read_lists(reader: &mut Reader<'_>, counters: &Counters) -> Option<Vec<OrderList>> {
    let lists = read_ascending(reader, |reader| {
        let id = reader.u64().filter(|id| (1..=counters.list).contains(id))?;
        let account = reader.u64()?;
        let form = ListForm::from_code(reader.u8()?)?;
        check(usize::from(reader.u8()?) == form.legs())?;
        let ids: Vec<u64> = (0..form.legs()).map(|_| reader.u64()).collect::<Option<_>>()?;
        check(ids.iter().all(|id| (1..=counters.order).contains(id)) && ids.windows(2).all(|pair| pair[0] < pair[1]))?;
        let client_ids: Vec<ClientId> = ids.iter().map(|_| reader.text(1)).collect::<Option<_>>()?;
        let legs = ids.into_iter().zip(client_ids).collect();
        let list_client_id = reader.text(1)?;
        Some((id, OrderList { id, account, account_slot: 0, form, list_client_id, legs, open: 0 }))
    })?;
    Some(lists.into_iter().map(|(_, list)| list).collect())
}

/// Read an order of version 1: it rests, and holds what it can spend.
fn read_order(reader: &mut Reader<'_>, side: Side, definition: &Definition) -> Option<(u64, Order)> {
    let (id, account) = (reader.u64()?, reader.u64()?);
    let order_type = OrderType::from_code(reader.u8()?)?;
    let mut order = read_order_core(reader, (id, side, order_type))?;
    check(matches!(order_type, OrderType::Limit | OrderType::LimitMaker) && order.stp() != Prevention::Transfer)?;
    check_quantities(&order, definition)?;
    check_extra(&order, &Extra::default(), definition)?;
    order.set_held(order.hold_of(order.remaining()));
    Some((account, order))
}

/// Read what both versions have, from the time in force to the client id.
fn read_order_core(reader: &mut Reader<'_>, (id, side, order_type): (u64, Side, OrderType)) -> Option<Order> {
    let time_in_force = TimeInForce::from_code(reader.u8()?)?;
    let stp = Prevention::from_code(reader.u8()?)?;
    let flags = reader.u8().filter(|flags| flags & !ORDER_HAS_STRATEGY == 0)?;
    let (price, quantity, executed) = (reader.i64()?, reader.i64()?, reader.i64()?);
    let (cumulative_quote, prevented) = (reader.i128()?, reader.i64()?);
    let (created_us, working_us) = (reader.i64()?, reader.i64()?);
    let strategy = (reader.i64()?, reader.i32()?);
    let draft = Draft {
        account_slot: NIL,
        client_key: 0,
        side,
        order_type,
        time_in_force,
        stp,
        price,
        quantity,
        created_us,
        client_id: reader.text(1)?,
    };
    let mut order = Order::new(&draft, None);
    order.id = id;
    order.executed = executed;
    order.set_cumulative_quote(cumulative_quote);
    order.set_working_us(working_us);
    if prevented != 0 {
        order.aside_mut().prevented = prevented;
    }
    if flags == 0 {
        check(strategy == (0, 0))?;
    } else {
        order.aside_mut().strategy = Some(strategy);
    }
    Some(order)
}

fn read_extra(reader: &mut Reader<'_>, place: Place, visible: i64) -> Option<Extra> {
    let (stop_price, trailing_delta) = (reader.i64()?, reader.u32()?);
    let (trailing_us, extreme, iceberg) = (reader.i64()?, reader.i64()?, reader.i64()?);
    let (peg_code, offset) = (reader.u8()?, reader.u8()?);
    let peg = match peg_code {
        0 => None,
        code => Some((PegType::from_code(code)?, offset)),
    };
    check(offset <= if peg.is_some() { 100 } else { 0 })?;
    let sent_price = reader.i64()?;
    let extra = Extra {
        place,
        stop_price,
        trailing_delta,
        trailing_us,
        extreme,
        iceberg,
        visible: if iceberg > 0 { visible } else { 0 },
        peg,
        sent_price,
        list: reader.u64()?,
        expires_us: reader.i64()?,
        amends: reader.u32()?,
        basis: reader.i64()?,
        ..Extra::default()
    };
    check(stop_price >= 0 && trailing_delta < 10_000 && trailing_us >= -1 && extreme >= 0 && iceberg >= 0)?;
    check(sent_price >= 0 && (peg.is_some() || sent_price == 0) && extra.expires_us >= 0 && extra.basis >= 0)?;
    Some(extra)
}

/// The quantities are what an order at such a place can have come to.
fn check_quantities(order: &Order, definition: &Definition) -> Option<()> {
    check(order.executed >= 0 && order.prevented() >= 0)?;
    // Only a pending leg whose quantity is still being bought has none.
    check(order.quantity >= if order.place() == Place::Pending { 0 } else { 1 })?;
    let quantities = [order.quantity, order.executed, order.prevented()];
    check(quantities.iter().all(|quantity| quantity % definition.step == 0))?;
    if order.place() == Place::OnBook {
        check(order.executed < order.quantity && order.prevented() < order.quantity - order.executed)?;
    } else {
        check(
            order.executed == 0 && order.prevented() == 0 && order.cumulative_quote() == 0 && order.working_us() == -1,
        )?;
    }
    let spent_max = i128::from(i64::MAX) * i128::from(i64::MAX) / i128::from(UNIT);
    check((0..=spent_max).contains(&order.cumulative_quote()))
}

/// Type, prices and what is beyond rules 1 fit together and to the order's place.
fn check_extra(order: &Order, extra: &Extra, definition: &Definition) -> Option<()> {
    let (order_type, place) = (order.order_type, order.place());
    let is_good_till_canceled = order.time_in_force() == TimeInForce::GoodTillCanceled;
    let is_limit = !order_type.is_market();
    let may_have_other_time = place != Place::OnBook && is_limit && order_type != OrderType::LimitMaker;
    check(is_good_till_canceled || (may_have_other_time && extra.iceberg == 0 && extra.expires_us == 0))?;
    let is_unpriced = order.price == 0 && (!is_limit || (place != Place::OnBook && extra.peg.is_some()));
    check(is_unpriced || (is_limit && order.price >= 1 && order.price % definition.tick == 0))?;
    check(place == Place::OnBook || extra.peg.is_none() || order.price == extra.sent_price)?;
    check(is_limit || (extra.iceberg == 0 && extra.peg.is_none() && extra.expires_us == 0 && place != Place::OnBook))?;
    // A pending leg whose quantity is still being bought is asked for its iceberg when it begins.
    let is_paid_on = place == Place::Pending && order.quantity == 0;
    check((is_paid_on || extra.iceberg % definition.step == 0) && extra.visible % definition.step == 0)?;
    check(extra.stop_price % definition.tick == 0 && extra.sent_price % definition.tick == 0)?;
    let has_trigger = extra.stop_price > 0 || extra.trailing_delta > 0;
    check(has_trigger == order_type.is_stop() && (extra.trailing_us == -1 || extra.trailing_delta > 0))?;
    let is_tracking = extra.trailing_us >= 0;
    let starts_at_once = extra.trailing_delta > 0 && extra.stop_price == 0;
    match place {
        // Nothing but a reached extreme makes a trailing order work.
        Place::OnBook => check(is_tracking == (extra.trailing_delta > 0))?,
        Place::Waiting => check(order_type.is_stop() && (is_tracking || !starts_at_once))?,
        Place::Pending => check(!is_tracking && extra.list != 0)?,
    }
    let holds_by_basis = place == Place::Waiting && order.side == Side::Buy;
    let known_basis = [order.price, extra.stop_price].into_iter().find(|price| *price > 0);
    check(match (holds_by_basis, known_basis) {
        (true, Some(price)) => extra.basis == price,
        (is_held, _) => (extra.basis > 0) == is_held,
    })
}
