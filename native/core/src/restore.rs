//! Reading a snapshot back: refused as a whole unless everything in it is well formed and fits together.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use crate::accounts::{Account, Accounts, Balance, HOUSE};
use crate::codec::{ClientId, Reader, Text};
use crate::engine::{Asset, Engine, RULES_VERSION};
use crate::events::ORDER_HAS_STRATEGY;
use crate::funding::Withdrawal;
use crate::instruments::{Definition, Rates};
use crate::listings::{Bucket, Counters, Listing, WINDOW_BOUND, minute_of};
use crate::orders::Order;
use crate::sessions::{IN_FLIGHT_MAX, Session};
use crate::snapshot::{MAGIC, VERSION};
use crate::words::{OrderType, Prevention, Side, TimeInForce, permission};
use crate::{AMOUNT_BOUND, UNIT};

/// Ids, counters and sequences stay below this, so that counting on cannot overflow.
const COUNTER_BOUND: u64 = 1 << 63;

/// The bytes are not a snapshot that this engine could have written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotASnapshot(pub String);

impl fmt::Display for NotASnapshot {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "not a snapshot: {}", self.0)
    }
}

impl std::error::Error for NotASnapshot {}

/// Keep what holds, drop the rest: reads as a condition in the middle of `?`.
fn check(holds: bool) -> Option<()> {
    holds.then_some(())
}

/// Read a counted list whose keys must ascend.
fn read_ascending<'a, K: PartialOrd, V>(
    reader: &mut Reader<'a>,
    mut read: impl FnMut(&mut Reader<'a>) -> Option<(K, V)>,
) -> Option<Vec<(K, V)>> {
    let mut list: Vec<(K, V)> = Vec::new();
    for _ in 0..reader.u32()? {
        let entry = read(reader)?;
        check(list.last().is_none_or(|last| last.0 < entry.0))?;
        list.push(entry);
    }
    Some(list)
}

impl Engine {
    /// Rebuild the engine whose snapshot these bytes are.
    pub fn restore(bytes: &[u8]) -> Result<Self, NotASnapshot> {
        let mut reader = Reader::new(bytes);
        let read = Self::read(&mut reader);
        let place = bytes.len() - reader.remaining();
        let engine = read.ok_or_else(|| NotASnapshot(format!("ill-formed at byte {place}")))?;
        if !reader.is_empty() {
            return Err(NotASnapshot(format!("something follows its end at byte {place}")));
        }
        engine.audit().map_err(NotASnapshot)?;
        Ok(engine)
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut engine = Self::new();
        check(reader.array()? == MAGIC && reader.u16()? == VERSION)?;
        engine.rules = reader.u32().filter(|rules| *rules == RULES_VERSION)?;
        engine.sequence = reader.u64().filter(|sequence| *sequence < COUNTER_BOUND)?;
        engine.time_us = reader.i64().filter(|time_us| *time_us >= 0)?;
        engine.read_assets(reader)?;
        let mut resting = Vec::new();
        let listings = read_ascending(reader, |reader| {
            let (listing, orders) = read_listing(reader, &engine)?;
            let id = listing.definition.instrument;
            resting.push(orders);
            Some((id, listing))
        })?;
        engine.listings = listings.into_iter().collect();
        let mut symbols = engine.listings.values().map(|listing| listing.definition.symbol.as_bytes());
        check(are_distinct(&mut symbols))?;
        engine.accounts = read_accounts(reader, &engine)?;
        for (listing, orders) in engine.listings.values_mut().zip(resting) {
            put_on_book(listing, orders, &engine.accounts)?;
        }
        let deposits = read_ascending(reader, |reader| Some((reader.array::<32>()?, ())))?;
        engine.deposits = deposits.into_iter().map(|(identity, ())| identity).collect();
        engine.read_withdrawals(reader)?;
        engine.read_sessions(reader)?;
        Some(engine)
    }

    fn read_assets(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        let assets = read_ascending(reader, |reader| {
            let id = reader.u32().filter(|id| *id >= 1)?;
            let code: Text<16> = reader.text(1)?;
            let supply = reader.i128().filter(|supply| (0..AMOUNT_BOUND).contains(supply))?;
            Some((id, Asset { code, supply }))
        })?;
        check(are_distinct(&mut assets.iter().map(|(_, asset)| asset.code.as_bytes())))?;
        self.assets = assets.into_iter().collect();
        Some(())
    }

    fn read_withdrawals(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        let withdrawals = read_ascending(reader, |reader| {
            let id = reader.u64()?;
            let held = Withdrawal { account: reader.u64()?, asset: reader.u32()?, amount: reader.i128()? };
            check(self.accounts.slot(held.account).is_some() && self.assets.contains_key(&held.asset))?;
            check((1..AMOUNT_BOUND).contains(&held.amount))?;
            Some((id, held))
        })?;
        self.withdrawals = withdrawals.into_iter().collect::<BTreeMap<_, _>>();
        Some(())
    }

    fn read_sessions(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        let (now, last_sequence) = (self.time_us, self.sequence);
        let sessions = read_ascending(reader, |reader| {
            let id = reader.u64()?;
            let low_water = reader.u64()?;
            let last_time = reader.i64().filter(|time| (0..=now).contains(time))?;
            let recorded = read_ascending(reader, |reader| {
                let counter = reader.u64().filter(|counter| *counter >= low_water.max(1))?;
                let sequence = reader.u64().filter(|sequence| (1..=last_sequence).contains(sequence))?;
                Some((counter, sequence))
            })?;
            check(recorded.len() <= IN_FLIGHT_MAX)?;
            Some((id, Session { low_water, last_time, recorded: VecDeque::from(recorded) }))
        })?;
        self.sessions.by_id = sessions.into_iter().collect();
        Some(())
    }
}

fn are_distinct(texts: &mut dyn Iterator<Item = &[u8]>) -> bool {
    let mut sorted: Vec<&[u8]> = texts.collect();
    sorted.sort_unstable();
    sorted.windows(2).all(|pair| pair[0] != pair[1])
}

fn read_accounts(reader: &mut Reader<'_>, engine: &Engine) -> Option<Accounts> {
    let list = read_ascending(reader, |reader| {
        let id = reader.u64().filter(|id| *id >= 1)?;
        let trade_group = reader.i64().filter(|group| *group >= -1)?;
        let permissions = reader.u8().filter(|permissions| *permissions <= permission::ALL)?;
        let mut account = Account::new(id, trade_group, permissions);
        account.fees = read_ascending(reader, |reader| {
            let instrument = reader.u32()?;
            check(instrument == 0 || engine.listings.contains_key(&instrument))?;
            let rates = Rates { maker: reader.i64()?, taker: reader.i64()? };
            check(rates.are_sound())?;
            Some((instrument, rates))
        })?;
        account.balances = read_ascending(reader, |reader| {
            let asset = reader.u32().filter(|asset| engine.assets.contains_key(asset))?;
            let balance = Balance { available: reader.i128()?, held: reader.i128()? };
            check(balance != Balance::default())?;
            Some((asset, balance))
        })?;
        Some((id, account))
    })?;
    check(list.first().is_some_and(|(id, _)| *id == HOUSE))?;
    let mut accounts = Accounts::default();
    for (_, account) in list {
        accounts.open(account);
    }
    Some(accounts)
}

fn read_listing(reader: &mut Reader<'_>, engine: &Engine) -> Option<(Listing, Vec<Order>)> {
    let definition = Definition::read(reader)?;
    engine.check_definition(&definition).ok()?;
    let mut listing = Listing::new(definition);
    let mut counter = || reader.u64().filter(|last| *last < COUNTER_BOUND);
    listing.counters = Counters {
        order: counter()?,
        trade: counter()?,
        aggregate: counter()?,
        update: counter()?,
        execution: counter()?,
        prevented_match: counter()?,
    };
    listing.last_price = reader.i64().filter(|price| *price >= 0)?;
    let sums = 1..WINDOW_BOUND;
    let window = read_ascending(reader, |reader| {
        let bucket = Bucket { minute: reader.i64()?, quote: reader.i128()?, quantity: reader.i128()? };
        check((0..=minute_of(engine.time_us)).contains(&bucket.minute))?;
        check(sums.contains(&bucket.quote) && sums.contains(&bucket.quantity))?;
        Some((bucket.minute, bucket))
    })?;
    // At most an hour is kept: no definition averages over more.
    check(window.len() <= 60)?;
    listing.window = window.into_iter().map(|(_, bucket)| bucket).collect();
    let mut orders = Vec::new();
    for side in [Side::Buy, Side::Sell] {
        for _ in 0..reader.u32()? {
            orders.push(read_order(reader, side, &listing.definition)?);
        }
    }
    check(orders.iter().all(|order| (1..=listing.counters.order).contains(&order.id)))?;
    Some((listing, orders))
}

fn read_order(reader: &mut Reader<'_>, side: Side, definition: &Definition) -> Option<Order> {
    let id = reader.u64()?;
    let account = reader.u64()?;
    let order_type = OrderType::from_code(reader.u8()?)?;
    check(matches!(order_type, OrderType::Limit | OrderType::LimitMaker))?;
    let time_in_force = TimeInForce::from_code(reader.u8()?)?;
    check(time_in_force == TimeInForce::GoodTillCanceled)?;
    let stp = Prevention::from_code(reader.u8()?)?;
    let flags = reader.u8().filter(|flags| flags & !ORDER_HAS_STRATEGY == 0)?;
    let mut order = Order {
        id,
        account,
        account_slot: 0,
        side,
        order_type,
        time_in_force,
        stp,
        has_strategy: flags != 0,
        by_quote: false,
        price: reader.i64()?,
        quantity: reader.i64()?,
        executed: reader.i64()?,
        cumulative_quote: reader.i128()?,
        prevented: reader.i64()?,
        quote_quantity: 0,
        held: 0,
        created_us: reader.i64()?,
        working_us: reader.i64()?,
        strategy_id: reader.i64()?,
        strategy_type: reader.i32()?,
        client_id: reader.text::<36>(1)?,
    };
    check(order.price >= 1 && order.price % definition.tick == 0)?;
    check(order.quantity >= 1 && order.executed >= 0 && order.prevented >= 0)?;
    let quantities = [order.quantity, order.executed, order.prevented];
    check(quantities.iter().all(|quantity| quantity % definition.step == 0))?;
    check(order.executed < order.quantity && order.prevented < order.quantity - order.executed)?;
    let spent_max = i128::from(i64::MAX) * i128::from(i64::MAX) / i128::from(UNIT);
    check((0..=spent_max).contains(&order.cumulative_quote))?;
    check(order.has_strategy || (order.strategy_id == 0 && order.strategy_type == 0))?;
    order.held = order.hold_of(order.remaining());
    Some(order)
}

/// Put orders on the book that must come best level first, each level in arrival order.
fn put_on_book(listing: &mut Listing, orders: Vec<Order>, accounts: &Accounts) -> Option<()> {
    let mut last: Option<(Side, i64, u64)> = None;
    for mut order in orders {
        order.account_slot = accounts.slot(order.account)?;
        let rank = match order.side {
            Side::Buy => -order.price,
            Side::Sell => order.price,
        };
        let key = (order.side, rank, order.id);
        check(last.is_none_or(|last| last < key))?;
        last = Some(key);
        let client_id: ClientId = order.client_id;
        check(listing.book.by_id(order.id).is_none())?;
        check(listing.book.by_client(order.account_slot, &client_id).is_none())?;
        listing.book.insert(order);
    }
    listing.book.forget_changes();
    Some(())
}
