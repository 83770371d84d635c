//! An engine with instruments, funded accounts and resting orders, and the flow of commands that it gets.

use openbourse_core::Engine;

use crate::frames::{self, BUY, GTC, IOC, Identity, LIMIT, Order, SELL, STEP, TICK, UNIT};

pub const BATCH: usize = 1_024;
const FUND: i128 = 1_000_000_000 * UNIT as i128;
const MID_TICKS: i64 = 100_000;
const SESSIONS: u64 = 16;
/// What a gateway has under way at a time.
const WINDOW: u64 = 256;

/// How the resting orders lie.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// Near the touch, thinning out over 200 levels.
    Usual,
    /// Evenly over 50,000 levels a side.
    Deep,
    /// Anywhere in 90,000 ticks a side, nearly every order at a level of its own.
    Wide,
    /// All at one price a side.
    OneLevel,
}

/// SplitMix64: small, seeded, the same everywhere.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
    pub fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }
}

#[derive(Clone, Copy)]
pub struct Resting {
    pub account: u64,
    pub instrument: u32,
    pub side: u8,
    pub name: u64,
}

pub struct Venue {
    pub engine: Engine,
    pub chance: Chance,
    pub resting: Vec<Resting>,
    pub time_us: i64,
    instruments: u64,
    accounts: u64,
    shape: Shape,
    names: u64,
    counters: [u64; SESSIONS as usize],
}

impl Venue {
    pub fn new(instruments: u32, accounts: u64, shape: Shape) -> Self {
        let mut venue = Self {
            engine: Engine::new(),
            chance: Chance::new(7),
            resting: Vec::new(),
            time_us: 1_700_000_000_000_000,
            instruments: u64::from(instruments),
            accounts,
            shape,
            names: 0,
            counters: [0; SESSIONS as usize],
        };
        let mut bytes = Vec::new();
        frames::create_asset(&mut bytes, 1);
        for instrument in 1..=instruments {
            frames::create_asset(&mut bytes, instrument + 1);
            frames::list_instrument(&mut bytes, instrument, instrument + 1, 1, 1);
        }
        venue.apply(&bytes);
        for account in 0..accounts {
            bytes.clear();
            let (id, instrument) = venue.home(account);
            frames::open_account(&mut bytes, id);
            frames::credit(&mut bytes, id, 1, FUND);
            frames::credit(&mut bytes, id, instrument + 1, FUND);
            venue.apply(&bytes);
        }
        venue
    }

    /// An account's id and the instrument that it trades.
    fn home(&self, account: u64) -> (u64, u32) {
        (1_000 + account, (account % self.instruments) as u32 + 1)
    }

    /// Apply frames as one batch; answers commands and bytes of events.
    pub fn apply(&mut self, bytes: &[u8]) -> (usize, usize) {
        self.time_us += 1;
        let output = self
            .engine
            .apply(self.engine.sequence() + 1, self.time_us, bytes)
            .expect("batches follow each other");
        (output.ends.len() / 4, output.events.len())
    }

    pub fn identity(&mut self) -> Identity {
        let session = self.chance.below(SESSIONS);
        let counter = &mut self.counters[session as usize];
        *counter += 1;
        Identity {
            session: session + 1,
            counter: *counter,
            low_water: counter.saturating_sub(WINDOW),
        }
    }

    pub fn name(&mut self) -> u64 {
        self.names += 1;
        self.names
    }

    fn ticks_away(&mut self) -> i64 {
        let ticks = match self.shape {
            // The square of an even draw: most of it near the touch.
            Shape::Usual => {
                let draw = self.chance.below(200);
                1 + draw * self.chance.below(200) / 200
            }
            Shape::Deep => 1 + self.chance.below(50_000),
            Shape::Wide => 1 + self.chance.below(90_000),
            Shape::OneLevel => 1,
        };
        ticks as i64
    }

    /// An order that rests.
    pub fn resting_order(&mut self, account: u64, instrument: u32, side: u8) -> Order {
        let away = self.ticks_away();
        let ticks = if side == BUY {
            MID_TICKS - away
        } else {
            MID_TICKS + away
        };
        Order {
            account,
            instrument,
            side,
            order_type: LIMIT,
            time_in_force: GTC,
            price: ticks * TICK,
            quantity: (1 + self.chance.below(100) as i64) * STEP,
            stop_price: 0,
            name: self.name(),
        }
    }

    fn draw_resting(&mut self) -> Order {
        let draw = self.chance.below(self.accounts);
        let (account, instrument) = self.home(draw);
        let side = if self.chance.below(2) == 0 { BUY } else { SELL };
        let order = self.resting_order(account, instrument, side);
        self.resting.push(Resting {
            account,
            instrument,
            side,
            name: order.name,
        });
        order
    }

    fn take_resting(&mut self) -> Option<Resting> {
        if self.resting.is_empty() {
            return None;
        }
        let place = self.chance.below(self.resting.len() as u64) as usize;
        Some(self.resting.swap_remove(place))
    }

    /// Fill the book.
    pub fn rest(&mut self, orders: usize) {
        let mut bytes = Vec::new();
        for number in 1..=orders {
            let order = self.draw_resting();
            frames::place(&mut bytes, Identity::default(), &order);
            if number % BATCH == 0 || number == orders {
                self.apply(&bytes);
                bytes.clear();
            }
        }
    }

    /// One command of the realistic mix: 60 % cancel or cancel-replace, 30 % resting limit, 10 % crossing.
    pub fn mixed(&mut self, bytes: &mut Vec<u8>) {
        let draw = self.chance.below(100);
        let identity = self.identity();
        let gone = if draw < 60 { self.take_resting() } else { None };
        match gone {
            Some(gone) if draw < 30 => {
                frames::cancel(bytes, identity, gone.account, gone.instrument, gone.name)
            }
            Some(gone) => {
                let order = self.resting_order(gone.account, gone.instrument, gone.side);
                self.resting.push(Resting {
                    name: order.name,
                    ..gone
                });
                frames::cancel_replace(bytes, identity, gone.name, &order);
            }
            None if draw < 90 => {
                let order = self.draw_resting();
                frames::place(bytes, identity, &order);
            }
            None => {
                let draw = self.chance.below(self.accounts);
                let (account, instrument) = self.home(draw);
                let side = if self.chance.below(2) == 0 { BUY } else { SELL };
                let mut order = self.resting_order(account, instrument, side);
                order.price = if side == BUY {
                    MID_TICKS + 20
                } else {
                    MID_TICKS - 20
                } * TICK;
                order.time_in_force = IOC;
                frames::place(bytes, identity, &order);
            }
        }
    }

    /// One command that cancels a resting order, while there are any.
    pub fn cancel_one(&mut self, bytes: &mut Vec<u8>) -> bool {
        let Some(gone) = self.take_resting() else {
            return false;
        };
        let identity = self.identity();
        frames::cancel(bytes, identity, gone.account, gone.instrument, gone.name);
        true
    }
}
