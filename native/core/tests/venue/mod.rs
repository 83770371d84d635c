//! A small venue to test against: builds command frames, reads events back.
#![allow(dead_code)]

pub mod dice;
pub mod exotic;
pub mod random;

use openbourse_core::{Engine, UNIT};

pub const BUY: u8 = 1;
pub const SELL: u8 = 2;
pub const LIMIT: u8 = 1;
pub const MARKET: u8 = 2;
pub const LIMIT_MAKER: u8 = 3;
pub const GTC: u8 = 1;
pub const IOC: u8 = 2;
pub const FOK: u8 = 3;
pub const BY_QUOTE: u8 = 4;
pub const BASE: u32 = 1;
pub const QUOTE: u32 = 2;
pub const ALICE: u64 = 10;
pub const BOB: u64 = 11;
pub const FUND: i64 = 1_000_000 * UNIT;

pub const REJECTED: u16 = 1;
pub const DUPLICATE: u16 = 2;
pub const UPDATED: u16 = 12;
pub const TRADED: u16 = 13;
pub const REPLACED: u16 = 15;
pub const LEVEL: u16 = 16;

/// Little-endian fields, one after the other.
#[derive(Clone, Default)]
pub struct Body(pub Vec<u8>);

impl Body {
    pub fn u8(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }
    pub fn u16(mut self, value: u16) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }
    pub fn u32(mut self, value: u32) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }
    pub fn u64(mut self, value: u64) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }
    pub fn i64(mut self, value: i64) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }
    pub fn i128(mut self, value: i128) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }
    pub fn text(mut self, value: &str) -> Self {
        self.0.push(u8::try_from(value.len()).unwrap());
        self.0.extend(value.as_bytes());
        self
    }
    pub fn join(mut self, other: Body) -> Self {
        self.0.extend(other.0);
        self
    }
}

pub fn frame(kind: u16, session: u64, counter: u64, low_water: u64, body: Body) -> Vec<u8> {
    let mut out = u32::try_from(40 + body.0.len()).unwrap().to_le_bytes().to_vec();
    out.extend(kind.to_le_bytes());
    out.extend(1u16.to_le_bytes());
    for field in [session, counter, low_water] {
        out.extend(field.to_le_bytes());
    }
    out.extend(i64::MAX.to_le_bytes());
    out.extend(body.0);
    out
}

/// An order as a test says it.
#[derive(Clone, Copy)]
pub struct Ask {
    pub account: u64,
    pub side: u8,
    pub kind: u8,
    pub tif: u8,
    pub stp: u8,
    pub flags: u8,
    pub price: i64,
    pub quantity: i64,
    pub quote: i128,
}

pub fn limit(account: u64, side: u8, quantity: i64, price: i64) -> Ask {
    let (price, quantity) = (price * UNIT, quantity * UNIT);
    Ask { account, side, kind: LIMIT, tif: GTC, stp: 255, flags: 0, price, quantity, quote: 0 }
}

pub fn market(account: u64, side: u8, quantity: i64) -> Ask {
    Ask { kind: MARKET, ..limit(account, side, quantity, 0) }
}

pub fn by_quote(account: u64, side: u8, quote: i64) -> Ask {
    Ask { flags: BY_QUOTE, quote: i128::from(quote) * i128::from(UNIT), ..market(account, side, 0) }
}

impl Ask {
    pub fn body(self, client_id: &str) -> Body {
        let codes = [self.side, self.kind, self.tif, self.stp, self.flags];
        let head = codes.iter().fold(Body::default().u64(self.account).u32(1), |body, code| body.u8(*code));
        let strategy = Body(vec![0; 12]);
        head.i64(self.price).i64(self.quantity).i128(self.quote).join(strategy).text(client_id)
    }
}

pub fn instrument(orders_max: u32) -> Body {
    let mut body = Body::default().u32(1).text("BTCUSDT").u32(BASE).u32(QUOTE).u8(1);
    for value in [0, 0, UNIT / 100, UNIT / 100, 1_000_000 * UNIT, UNIT / 100, 0, 0, 0] {
        body = body.i64(value);
    }
    body = body.i128(0).i128(0).u8(0);
    for _ in 0..4 {
        body = body.i64(0);
    }
    body = body.u32(5).u32(orders_max).i64(100_000).i64(200_000).u8(0).u8(31);
    Body([body.0, 0b1110u16.to_le_bytes().to_vec()].concat())
}

#[derive(Clone, Debug)]
pub struct Event {
    pub kind: u16,
    pub body: Vec<u8>,
}

impl Event {
    pub fn i64_at(&self, at: usize) -> i64 {
        i64::from_le_bytes(self.body[at..at + 8].try_into().unwrap())
    }
    pub fn i128_at(&self, at: usize) -> i128 {
        i128::from_le_bytes(self.body[at..at + 16].try_into().unwrap())
    }
    pub fn u64_at(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.body[at..at + 8].try_into().unwrap())
    }
    /// (order, status, execution, expiry) of an OrderUpdated.
    pub fn update(&self) -> (u64, u8, u8, u8) {
        (self.u64_at(12), self.body[24], self.body[25], self.body[26])
    }
    /// What an updated order still holds.
    pub fn held(&self) -> i128 {
        self.i128_at(212)
    }
    /// The reason of a CommandRejected.
    pub fn reason(&self) -> u16 {
        assert_eq!(self.kind, REJECTED);
        u16::from_le_bytes([self.body[2], self.body[3]])
    }
}

pub struct Venue {
    pub engine: Engine,
    pub placed: u32,
}

impl Venue {
    /// One instrument, two funded accounts.
    pub fn open() -> Self {
        let mut venue = Self { engine: Engine::new(), placed: 0 };
        venue.send(1, Body::default().u32(BASE).text("BTC"));
        venue.send(1, Body::default().u32(QUOTE).text("USDT"));
        venue.send(2, instrument(100));
        for account in [ALICE, BOB] {
            venue.send(5, Body::default().u64(account).i64(-1));
            for asset in [BASE, QUOTE] {
                let mut identity = [0; 32];
                identity[0] = u8::try_from(account).unwrap();
                identity[1] = u8::try_from(asset).unwrap();
                let body = Body::default().u64(account).u32(asset).i128(i128::from(FUND));
                venue.send(8, body.join(Body(identity.to_vec())));
            }
        }
        venue
    }

    pub fn send(&mut self, kind: u16, body: Body) -> Vec<Event> {
        self.send_frame(&frame(kind, 0, 0, 0, body))
    }

    /// Apply one frame a little later; check the form of what it caused and every invariant.
    pub fn send_frame(&mut self, frame: &[u8]) -> Vec<Event> {
        self.send_frame_at(self.engine.time_us() + 1_000, frame)
    }

    pub fn send_frame_at(&mut self, time_us: i64, frame: &[u8]) -> Vec<Event> {
        let sequence = self.engine.sequence() + 1;
        let output = self.engine.apply(sequence, time_us, frame).unwrap();
        let mut rest = output.events;
        let mut events = Vec::new();
        while !rest.is_empty() {
            let length = u32::from_le_bytes(rest[..4].try_into().unwrap()) as usize;
            let kind = u16::from_le_bytes([rest[4], rest[5]]);
            assert_eq!(u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize, events.len());
            events.push(Event { kind, body: rest[20..length].to_vec() });
            rest = &rest[length..];
        }
        assert!(!events.is_empty());
        self.engine.audit().unwrap();
        events
    }

    /// Place an order under a client id of its own.
    pub fn place(&mut self, ask: Ask) -> Vec<Event> {
        self.placed += 1;
        let client_id = format!("order-{}", self.placed);
        self.send(12, ask.body(&client_id))
    }

    pub fn cancel(&mut self, account: u64, order: u64) -> Vec<Event> {
        self.send(13, cancel_head(account).u64(order).u8(0).text("").text("request"))
    }
}

pub fn cancel_head(account: u64) -> Body {
    Body::default().u64(account).u32(1)
}

/// (order, status, execution, expiry) of every OrderUpdated, in order.
pub fn updates(events: &[Event]) -> Vec<(u64, u8, u8, u8)> {
    events.iter().filter(|event| event.kind == UPDATED).map(Event::update).collect()
}

/// (price, quantity) of every Traded, in whole units.
pub fn trades(events: &[Event]) -> Vec<(i64, i64)> {
    let traded = events.iter().filter(|event| event.kind == TRADED);
    traded.map(|event| (event.i64_at(20) / UNIT, event.i64_at(28) / UNIT)).collect()
}
