//! Command frames as a gateway writes them (docs/engine.md, section 2).

pub const BUY: u8 = 1;
pub const SELL: u8 = 2;
pub const LIMIT: u8 = 1;
pub const STOP_LOSS: u8 = 4;
pub const GTC: u8 = 1;
pub const IOC: u8 = 2;
pub const FOK: u8 = 3;
pub const UNIT: i64 = 100_000_000;
pub const TICK: i64 = UNIT / 100;
pub const STEP: i64 = 1_000;

/// Who sent a command: session and counter, or nobody.
#[derive(Clone, Copy, Default)]
pub struct Identity {
    pub session: u64,
    pub counter: u64,
    pub low_water: u64,
}

/// A frame under construction at the end of a buffer.
pub struct Frame<'a> {
    bytes: &'a mut Vec<u8>,
    start: usize,
}

/// An order to place.
#[derive(Clone, Copy)]
pub struct Order {
    pub account: u64,
    pub instrument: u32,
    pub side: u8,
    pub order_type: u8,
    pub time_in_force: u8,
    pub price: i64,
    pub quantity: i64,
    /// 0: none.
    pub stop_price: i64,
    pub name: u64,
}

/// A client order id of 22 characters, as Binance generates them.
pub fn client_id(name: u64) -> [u8; 22] {
    let mut text = *b"b000000000000000000000";
    let mut rest = name;
    for at in (1..22).rev() {
        text[at] = b"0123456789abcdef"[(rest & 15) as usize];
        rest >>= 4;
    }
    text
}

impl<'a> Frame<'a> {
    pub fn new(bytes: &'a mut Vec<u8>, kind: u16, version: u16, identity: Identity) -> Self {
        let start = bytes.len();
        bytes.extend_from_slice(&0u32.to_le_bytes());
        bytes.extend_from_slice(&kind.to_le_bytes());
        bytes.extend_from_slice(&version.to_le_bytes());
        bytes.extend_from_slice(&identity.session.to_le_bytes());
        bytes.extend_from_slice(&identity.counter.to_le_bytes());
        bytes.extend_from_slice(&identity.low_water.to_le_bytes());
        bytes.extend_from_slice(&0i64.to_le_bytes());
        Self { bytes, start }
    }

    pub fn put(self, field: &[u8]) -> Self {
        self.bytes.extend_from_slice(field);
        self
    }
    pub fn u8(self, value: u8) -> Self {
        self.put(&[value])
    }
    pub fn u16(self, value: u16) -> Self {
        self.put(&value.to_le_bytes())
    }
    pub fn u32(self, value: u32) -> Self {
        self.put(&value.to_le_bytes())
    }
    pub fn u64(self, value: u64) -> Self {
        self.put(&value.to_le_bytes())
    }
    pub fn i64(self, value: i64) -> Self {
        self.put(&value.to_le_bytes())
    }
    pub fn i128(self, value: i128) -> Self {
        self.put(&value.to_le_bytes())
    }
    pub fn text(self, text: &[u8]) -> Self {
        self.u8(text.len() as u8).put(text)
    }

    pub fn end(self) {
        let length = (self.bytes.len() - self.start) as u32;
        self.bytes[self.start..self.start + 4].copy_from_slice(&length.to_le_bytes());
    }

    fn order(self, order: &Order) -> Self {
        let frame = self
            .u64(order.account)
            .u32(order.instrument)
            .u8(order.side)
            .u8(order.order_type)
            .u8(order.time_in_force)
            .u8(u8::MAX)
            .u8(0)
            .i64(order.price)
            .i64(order.quantity)
            .i128(0)
            .i64(0)
            .u32(0)
            .text(&client_id(order.name));
        if order.stop_price == 0 {
            frame
        } else {
            frame.u8(1).i64(order.stop_price)
        }
    }
}

pub fn place(bytes: &mut Vec<u8>, identity: Identity, order: &Order) {
    let version = if order.stop_price == 0 { 1 } else { 2 };
    Frame::new(bytes, 12, version, identity).order(order).end();
}

pub fn cancel(bytes: &mut Vec<u8>, identity: Identity, account: u64, instrument: u32, name: u64) {
    Frame::new(bytes, 13, 1, identity)
        .u64(account)
        .u32(instrument)
        .u64(0)
        .u8(0)
        .text(&client_id(name))
        .text(&client_id(name | 1 << 60))
        .end();
}

/// Reduce an order to a quantity; it keeps its name and its place (rules version 2).
pub fn amend(bytes: &mut Vec<u8>, identity: Identity, order: &Order) {
    Frame::new(bytes, 18, 1, identity)
        .u64(order.account)
        .u32(order.instrument)
        .u64(0)
        .i64(order.quantity)
        .text(&client_id(order.name))
        .text(&client_id(order.name))
        .end();
}

pub fn cancel_replace(bytes: &mut Vec<u8>, identity: Identity, name: u64, order: &Order) {
    Frame::new(bytes, 15, 1, identity)
        .u8(2)
        .u64(0)
        .u8(0)
        .text(&client_id(name))
        .text(&client_id(name | 1 << 60))
        .order(order)
        .end();
}

pub fn create_asset(bytes: &mut Vec<u8>, asset: u32) {
    Frame::new(bytes, 1, 1, Identity::default())
        .u32(asset)
        .text(format!("A{asset}").as_bytes())
        .end();
}

pub fn open_account(bytes: &mut Vec<u8>, account: u64) {
    Frame::new(bytes, 5, 1, Identity::default())
        .u64(account)
        .i64(-1)
        .end();
}

pub fn credit(bytes: &mut Vec<u8>, account: u64, asset: u32, amount: i128) {
    let mut identity = [0; 32];
    identity[..8].copy_from_slice(&account.to_le_bytes());
    identity[8..12].copy_from_slice(&asset.to_le_bytes());
    Frame::new(bytes, 8, 1, Identity::default())
        .u64(account)
        .u32(asset)
        .i128(amount)
        .put(&identity)
        .end();
}

pub fn set_rules(bytes: &mut Vec<u8>, version: u32) {
    Frame::new(bytes, 17, 1, Identity::default())
        .u32(version)
        .end();
}

/// Let orders be amended on an instrument; no other bound of rules version 2.
pub fn allow_amending(bytes: &mut Vec<u8>, instrument: u32) {
    Frame::new(bytes, 21, 1, Identity::default())
        .u32(instrument)
        .u16(64)
        .put(&[0; 20])
        .i128(0)
        .put(&[0; 16])
        .put(&[0; 48])
        .end();
}

/// List an instrument with filters that let this benchmark's orders pass.
pub fn list_instrument(bytes: &mut Vec<u8>, instrument: u32, base: u32, quote: u32, stp: u8) {
    Frame::new(bytes, 2, 1, Identity::default())
        .u32(instrument)
        .text(format!("S{instrument}").as_bytes())
        .u32(base)
        .u32(quote)
        .u8(1)
        .i64(0)
        .i64(0)
        .i64(TICK)
        .i64(STEP)
        .i64(1_000_000 * UNIT)
        .i64(STEP)
        .i64(0)
        .i64(0)
        .i64(0)
        .i128(0)
        .i128(0)
        .u8(0)
        .i64(5 * UNIT)
        .i64(UNIT / 5)
        .i64(5 * UNIT)
        .i64(UNIT / 5)
        .u32(0)
        .u32(1_000_000_000)
        .i64(100_000)
        .i64(100_000)
        .u8(stp)
        .u8(31)
        .u16(0b1111_1110)
        .end();
}
