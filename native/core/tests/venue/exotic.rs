//! What rules version 2 adds to the small venue.

use openbourse_core::UNIT;

use super::{ALICE, Ask, BOB, Body, Event, UPDATED, Venue, cancel_head, frame, instrument};

pub const STOP_LOSS: u8 = 4;
pub const STOP_LOSS_LIMIT: u8 = 5;
pub const TAKE_PROFIT: u8 = 6;
pub const TAKE_PROFIT_LIMIT: u8 = 7;

pub const OCO: u8 = 1;
pub const OTO: u8 = 2;
pub const OTOCO: u8 = 3;
pub const OPO: u8 = 4;
pub const OPOCO: u8 = 5;

pub const LIST: u16 = 20;
pub const INDICATED: u16 = 32;
pub const ALL_FEATURES: u16 = 511;

/// The extension of an order request, each part only if given.
#[derive(Clone, Copy, Default)]
pub struct Extension {
    pub stop: Option<i64>,
    pub delta: Option<u32>,
    pub iceberg: Option<i64>,
    pub peg: Option<(u8, u8)>,
    pub expires_us: Option<i64>,
}

impl Extension {
    fn body(self) -> Body {
        let given = [
            self.stop.is_some(),
            self.delta.is_some(),
            self.iceberg.is_some(),
            self.peg.is_some(),
            self.expires_us.is_some(),
        ];
        let flags = given.iter().zip(0..).map(|(is_given, bit)| u8::from(*is_given) << bit).sum();
        let mut body = Body::default().u8(flags);
        body = self.stop.map_or(body.clone(), |stop| body.i64(stop));
        body = self.delta.map_or(body.clone(), |delta| body.u32(delta));
        body = self.iceberg.map_or(body.clone(), |iceberg| body.i64(iceberg));
        body = self.peg.map_or(body.clone(), |(kind, offset)| body.u8(kind).u8(offset));
        self.expires_us.map_or(body.clone(), |expires_us| body.i64(expires_us))
    }
}

pub fn at_stop(price: i64) -> Extension {
    Extension { stop: Some(price * UNIT), ..Extension::default() }
}

pub fn trailing(delta: u32) -> Extension {
    Extension { delta: Some(delta), ..Extension::default() }
}

pub fn iceberg(quantity: i64) -> Extension {
    Extension { iceberg: Some(quantity * UNIT), ..Extension::default() }
}

pub fn pegged(kind: u8, offset: u8) -> Extension {
    Extension { peg: Some((kind, offset)), ..Extension::default() }
}

pub fn good_till(expires_us: i64) -> Extension {
    Extension { expires_us: Some(expires_us), ..Extension::default() }
}

/// An order request with its extension.
pub fn extended(ask: Ask, extension: Extension, client_id: &str) -> Body {
    ask.body(client_id).join(extension.body())
}

/// A frame of version 2.
pub fn frame_2(kind: u16, session: u64, counter: u64, low_water: u64, body: Body) -> Vec<u8> {
    let mut bytes = frame(kind, session, counter, low_water, body);
    bytes[6] = 2;
    bytes
}

/// The bounds of an instrument that tests change; everything else is off.
#[derive(Clone, Copy, Default)]
pub struct Rules {
    pub features: u16,
    pub amends_max: u32,
    pub lists_max: u32,
    pub position_max: i128,
    pub range: (i64, i64),
}

impl Rules {
    pub fn body(self) -> Body {
        let mut body = Body::default().u32(1).u16(self.features).u32(0).u32(0).u32(1_000).u32(self.lists_max);
        body = body.u32(self.amends_max).i128(self.position_max).u32(0).u32(0).u32(0).u32(0).i64(0).i64(0);
        for _ in 0..2 {
            body = body.i64(self.range.0).i64(self.range.1);
        }
        body
    }
}

/// The instrument with every type and mode allowed and a reference price of the last trade.
pub fn open_instrument() -> Body {
    let mut body = instrument(100);
    let end = body.0.len();
    body.0[end - 3] = 63;
    body.0[end - 2] = 0xFE;
    let minutes = end - 3 - 1 - 16 - 4 - 4;
    body.0[minutes..minutes + 4].fill(0);
    body
}

impl Venue {
    /// As [`Venue::open`], under rules 2 with every feature on.
    pub fn open_exotic() -> Self {
        let mut venue = Self::open();
        venue.send(17, Body::default().u32(2));
        venue.send(3, open_instrument());
        venue.set_rules(Rules { features: ALL_FEATURES, ..Rules::default() });
        venue
    }

    pub fn set_rules(&mut self, rules: Rules) {
        assert_eq!(self.send(21, rules.body())[0].kind, 21);
    }

    pub fn set_status(&mut self, status: u8) -> Vec<Event> {
        self.send(4, Body::default().u32(1).u8(status))
    }

    /// Place an order with an extension under a client id of its own.
    pub fn place_extended(&mut self, ask: Ask, extension: Extension) -> Vec<Event> {
        self.placed += 1;
        let client_id = format!("order-{}", self.placed);
        self.send_frame(&frame_2(12, 0, 0, 0, extended(ask, extension, &client_id)))
    }

    pub fn place_list(&mut self, form: u8, legs: &[(Ask, Extension)]) -> Vec<Event> {
        self.placed += 1;
        let mut body = Body::default().u8(form).text(&format!("list-{}", self.placed));
        body = body.u8(u8::try_from(legs.len()).unwrap());
        for ((ask, extension), number) in legs.iter().zip(1..) {
            body = body.join(extended(*ask, *extension, &format!("leg-{}-{number}", self.placed)));
        }
        self.send(19, body)
    }

    pub fn amend(&mut self, account: u64, order: u64, quantity: i64) -> Vec<Event> {
        let body = cancel_head(account).u64(order).i64(quantity * UNIT).text("");
        self.placed += 1;
        self.send(18, body.text(&format!("amended-{}", self.placed)))
    }

    /// Let both accounts trade a little at a price, so that it is the last one.
    pub fn trade_at(&mut self, price: i64) -> Vec<Event> {
        self.place(Ask { stp: 0, ..super::limit(BOB, super::SELL, 1, price) });
        self.place(Ask { stp: 0, ..super::limit(ALICE, super::BUY, 1, price) })
    }

    /// AdvanceTime at a time that is not before the last.
    pub fn advance(&mut self, time_us: i64) -> Vec<Event> {
        self.send_frame_at(time_us, &frame(16, 0, 0, 0, Body::default()))
    }
}

/// The status type of every ListUpdated.
pub fn list_updates(events: &[Event]) -> Vec<u8> {
    events.iter().filter(|event| event.kind == LIST).map(|event| event.body[21]).collect()
}

/// (order, execution) of every OrderUpdated.
pub fn executions(events: &[Event]) -> Vec<(u64, u8)> {
    events.iter().filter(|event| event.kind == UPDATED).map(|event| (event.u64_at(12), event.body[25])).collect()
}
