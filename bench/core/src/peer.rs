//! A flow that another engine's generator made, replayed in our frames (bench/peers; the file's form is in StreamFile.java).
//!
//! In:    the file: instruments, accounts, commands, and the book that the other engine ends with.
//! Out:   commands a second; with a check, refusals, trades and whether our book ends as theirs.
//! Never: leaves anything out that a command costs here: identity, checks, holds, fees and events are on.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::time::Instant;

use openbourse_core::Engine;

use crate::frames::{self, FOK, GTC, IOC, Identity, LIMIT, Order, STEP, TICK, UNIT};
use crate::venue::{BATCH, Shape, Venue};

const FUND: i128 = 1_000_000_000 * UNIT as i128;
const SETUP_BYTES_MAX: usize = 100_000;
/// Account 1 is the house; the others' ids begin above it.
const FIRST_ACCOUNT: u64 = 1_000;

const MOVE: u8 = 4;
const CANCEL: u8 = 5;
const REDUCE: u8 = 6;

/// One row of the file.
struct Command {
    operation: u8,
    side: u8,
    symbol: u32,
    user: u32,
    order: u32,
    price: i64,
    size: i64,
    /// Of the order that is moved, canceled or reduced, before that.
    remaining: i64,
}

/// Total size by symbol, side and price.
type Levels = BTreeMap<(u32, u8, i64), i128>;

struct Stream {
    /// Symbol, base, quote.
    symbols: Vec<(u32, u32, u32)>,
    /// User, currency.
    funds: BTreeSet<(u32, u32)>,
    fill: Vec<Command>,
    benchmark: Vec<Command>,
    trades: u64,
    levels: Levels,
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (head, rest) = self
            .rest
            .split_first_chunk()
            .expect("the stream file is whole");
        self.rest = rest;
        *head
    }
    fn u8(&mut self) -> u8 {
        self.take::<1>()[0]
    }
    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }
    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }
    fn i64(&mut self) -> i64 {
        i64::from_le_bytes(self.take())
    }
    fn command(&mut self) -> Command {
        Command {
            operation: self.u8(),
            side: self.u8(),
            symbol: self.u32(),
            user: self.u32(),
            order: self.u32(),
            price: self.i64(),
            size: self.i64(),
            remaining: self.i64(),
        }
    }
}

impl Stream {
    fn read(bytes: &[u8]) -> Self {
        let mut reader = Reader { rest: bytes };
        assert_eq!(&reader.take::<8>(), b"OBPEER1\0", "not a stream file");
        let symbols: Vec<_> = (0..reader.u32())
            .map(|_| (reader.u32(), reader.u32(), reader.u32()))
            .collect();
        let mut funds: BTreeSet<_> = (0..reader.u32())
            .map(|_| (reader.u32(), reader.u32()))
            .collect();
        let (fill, benchmark) = (reader.u32(), reader.u32());
        let fill: Vec<_> = (0..fill).map(|_| reader.command()).collect();
        let benchmark: Vec<_> = (0..benchmark).map(|_| reader.command()).collect();
        let trades = reader.u64();
        let levels = (0..reader.u32())
            .map(|_| {
                let level = (reader.u32(), reader.u8(), reader.i64());
                (level, i128::from(reader.i64()))
            })
            .collect();
        // A margin contract is traded without owning the base; on a spot venue the seller needs it.
        let pairs: HashMap<_, _> = symbols.iter().map(|pair| (pair.0, *pair)).collect();
        for command in fill.iter().chain(&benchmark) {
            let (_, base, quote) = pairs[&command.symbol];
            funds.extend([(command.user, base), (command.user, quote)]);
        }
        Self {
            symbols,
            funds,
            fill,
            benchmark,
            trades,
            levels,
        }
    }

    /// Asset 1 belongs to every venue of this program; the stream's currencies follow.
    fn assets(&self) -> HashMap<u32, u32> {
        let codes: BTreeSet<u32> = self
            .symbols
            .iter()
            .flat_map(|(_, base, quote)| [*base, *quote])
            .chain(self.funds.iter().map(|(_, currency)| *currency))
            .collect();
        codes.into_iter().zip(2..).collect()
    }

    fn instruments(&self) -> HashMap<u32, u32> {
        self.symbols
            .iter()
            .map(|(symbol, _, _)| *symbol)
            .zip(1..)
            .collect()
    }

    fn setup(&self, amends: bool) -> Vec<Vec<u8>> {
        let assets = self.assets();
        let mut batches = vec![Vec::new()];
        let bytes = &mut batches[0];
        for asset in assets.values() {
            frames::create_asset(bytes, *asset);
        }
        for ((_, base, quote), instrument) in self.symbols.iter().zip(1..) {
            // The other engine lets an account trade with itself.
            frames::list_instrument(bytes, instrument, assets[base], assets[quote], 0);
            if amends {
                frames::allow_amending(bytes, instrument);
            }
        }
        let mut opened = 0;
        for (user, currency) in &self.funds {
            if batches[batches.len() - 1].len() > SETUP_BYTES_MAX {
                batches.push(Vec::new());
            }
            let last = batches.len() - 1;
            let account = FIRST_ACCOUNT + u64::from(*user);
            if opened != account {
                frames::open_account(&mut batches[last], account);
                opened = account;
            }
            frames::credit(&mut batches[last], account, assets[currency], FUND);
        }
        batches
    }
}

/// The stream's orders by the names that they have here.
struct Writer {
    /// Only its names and identities are used.
    gateway: Venue,
    instruments: HashMap<u32, u32>,
    orders: HashMap<(u32, u32), Order>,
    amends: bool,
}

impl Writer {
    fn batches(&mut self, commands: &[Command], identified: bool) -> Vec<Vec<u8>> {
        let one = |block: &[Command]| {
            let mut bytes = Vec::new();
            for command in block {
                let identity = if identified {
                    self.gateway.identity()
                } else {
                    Identity::default()
                };
                self.write(&mut bytes, identity, command);
            }
            bytes
        };
        commands.chunks(BATCH).map(one).collect()
    }

    fn write(&mut self, bytes: &mut Vec<u8>, identity: Identity, command: &Command) {
        let key = (command.symbol, command.order);
        if command.operation < MOVE {
            let order = self.placed(command);
            frames::place(bytes, identity, &order);
            if order.time_in_force == GTC {
                self.orders.insert(key, order);
            }
            return;
        }
        let name = self.gateway.name();
        let order = self.orders.get_mut(&key).expect("the order was placed");
        let before = order.name;
        let left = match command.operation {
            MOVE => command.remaining,
            REDUCE => (command.remaining - command.size).max(0),
            CANCEL => 0,
            other => panic!("no operation {other}"),
        };
        if left == 0 {
            frames::cancel(bytes, identity, order.account, order.instrument, before);
            self.orders.remove(&key);
        } else if command.operation == REDUCE && self.amends {
            order.quantity -= command.size * STEP;
            frames::amend(bytes, identity, order);
        } else {
            if command.operation == MOVE {
                order.price = command.price * TICK;
            }
            order.quantity = left * STEP;
            order.name = name;
            frames::cancel_replace(bytes, identity, before, order);
        }
    }

    fn placed(&mut self, command: &Command) -> Order {
        Order {
            account: FIRST_ACCOUNT + u64::from(command.user),
            instrument: self.instruments[&command.symbol],
            side: command.side,
            order_type: LIMIT,
            time_in_force: [GTC, IOC, FOK][usize::from(command.operation) - 1],
            price: command.price * TICK,
            quantity: command.size * STEP,
            stop_price: 0,
            name: self.gateway.name(),
        }
    }
}

/// What the events of a whole replay say.
#[derive(Default)]
struct Told {
    trades: u64,
    /// By reason.
    refused: BTreeMap<u16, u64>,
    /// By instrument.
    levels: Levels,
}

impl Told {
    fn read(&mut self, events: &[u8]) {
        let mut rest = events;
        while !rest.is_empty() {
            let mut reader = Reader { rest };
            let length = reader.u32() as usize;
            let kind = u16::from_le_bytes(reader.take());
            reader.take::<14>();
            match kind {
                1 => {
                    reader.take::<2>();
                    *self
                        .refused
                        .entry(u16::from_le_bytes(reader.take()))
                        .or_default() += 1;
                }
                13 => self.trades += 1,
                16 => {
                    let instrument = reader.u32();
                    reader.take::<8>();
                    let level = (instrument, reader.u8(), reader.i64() / TICK);
                    match i128::from_le_bytes(reader.take()) {
                        0 => self.levels.remove(&level),
                        quantity => self.levels.insert(level, quantity / i128::from(STEP)),
                    };
                }
                _ => {}
            }
            rest = &rest[length..];
        }
    }
}

/// Does the engine know rules version 2? Those amend.
fn knows_amending() -> bool {
    let mut bytes = Vec::new();
    frames::set_rules(&mut bytes, 2);
    let mut engine = Engine::new();
    let output = engine.apply(1, 1, &bytes).expect("one command");
    output.events[4..6] == 19u16.to_le_bytes()
}

fn begin(stream: &Stream, amends: bool) -> Venue {
    let mut venue = Venue::new(0, 0, Shape::Usual);
    if amends {
        let mut bytes = Vec::new();
        frames::set_rules(&mut bytes, 2);
        venue.apply(&bytes);
    }
    for batch in stream.setup(amends) {
        venue.apply(&batch);
    }
    venue
}

fn check(stream: &Stream, amends: bool, fill: &[Vec<u8>], benchmark: &[Vec<u8>]) -> String {
    let mut venue = begin(stream, amends);
    let mut told = Told::default();
    for (place, batch) in fill.iter().chain(benchmark).enumerate() {
        if place == fill.len() {
            told.trades = 0;
        }
        venue.time_us += 1;
        let next = venue.engine.sequence() + 1;
        let output = venue.engine.apply(next, venue.time_us, batch);
        told.read(output.expect("batches follow each other").events);
    }
    venue.engine.audit().expect("the state is sound");
    let instruments = stream.instruments();
    let theirs: Levels = stream
        .levels
        .iter()
        .map(|((symbol, side, price), size)| ((instruments[symbol], *side, *price), *size))
        .collect();
    format!(
        ",\"trades\":{},\"trades_of_peer\":{},\"refused\":{},\"refused_reasons\":\"{:?}\",\"same_book\":{}",
        told.trades,
        stream.trades,
        told.refused.values().sum::<u64>(),
        told.refused,
        told.levels == theirs,
    )
}

/// Time that this thread was on a processor: other load on the machine disturbs it less than the time of day.
fn processor_seconds() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let spent = text
        .split_whitespace()
        .next()
        .and_then(|word| word.parse::<f64>().ok());
    spent.unwrap_or(f64::NAN) / 1e9
}

/// Replay a stream; `checked` adds a second replay, not timed, that reads the events.
pub fn shape(path: &str, checked: bool) {
    let stream = Stream::read(&fs::read(path).expect("the stream file is there"));
    let amends = knows_amending();
    let mut writer = Writer {
        gateway: Venue::new(0, 0, Shape::Usual),
        instruments: stream.instruments(),
        orders: HashMap::new(),
        amends,
    };
    let fill = writer.batches(&stream.fill, false);
    let benchmark = writer.batches(&stream.benchmark, true);
    drop(writer);
    let mut venue = begin(&stream, amends);
    for batch in &fill {
        venue.apply(batch);
    }
    let (mut commands, mut events_bytes) = (0, 0);
    let (began, spent) = (Instant::now(), processor_seconds());
    for batch in &benchmark {
        let (applied, events) = venue.apply(batch);
        commands += applied;
        events_bytes += events;
    }
    let seconds = began.elapsed().as_secs_f64();
    let spent = processor_seconds() - spent;
    drop(venue);
    let seen = if checked {
        check(&stream, amends, &fill, &benchmark)
    } else {
        String::new()
    };
    println!(
        "{{\"measure\":\"peer-shape\",\"rules\":{},\"commands\":{commands},\"seconds\":{seconds:.4},\"per_second\":{:.0},\
         \"processor_seconds\":{spent:.4},\"events_bytes\":{events_bytes}{seen}}}",
        if amends { 2 } else { 1 },
        commands as f64 / seconds,
    );
}
