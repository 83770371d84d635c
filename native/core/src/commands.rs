//! Command frames: where one ends, its header, and its body decoded (section 2).

use crate::codec::{ClientId, Reader, Text};
use crate::instruments::{Definition, Rates};
use crate::words::{InstrumentStatus, OrderType, Prevention, ReplaceMode, Restriction, Side, TimeInForce, permission};

pub const HEADER_LENGTH: usize = 40;
const VERSION: u16 = 1;

const FLAG_TEST: u8 = 1;
const FLAG_HAS_STRATEGY: u8 = 2;
const FLAG_BY_QUOTE: u8 = 4;

/// What every frame begins with. `not_after_us` is the sequencer's business and is not kept.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    pub kind: u16,
    pub version: u16,
    pub session: u64,
    pub counter: u64,
    pub low_water: u64,
}

/// Take the next frame off `frames`: its header and body, or `None` when the rest is one malformed command.
pub fn split_frame<'a>(frames: &mut &'a [u8]) -> Option<(Header, &'a [u8])> {
    let whole = std::mem::take(frames);
    let mut reader = Reader::new(whole.get(..HEADER_LENGTH)?);
    let length = usize::try_from(reader.u32()?).ok()?;
    if length < HEADER_LENGTH || length > whole.len() {
        return None;
    }
    let header = Header {
        kind: reader.u16()?,
        version: reader.u16()?,
        session: reader.u64()?,
        counter: reader.u64()?,
        low_water: reader.u64()?,
    };
    let (frame, rest) = whole.split_at(length);
    *frames = rest;
    Some((header, &frame[HEADER_LENGTH..]))
}

#[derive(Clone, Debug)]
pub struct OrderRequest {
    pub account: u64,
    pub instrument: u32,
    pub side: Side,
    pub order_type: OrderType,
    pub time_in_force: TimeInForce,
    /// `None`: the instrument's default.
    pub stp: Option<Prevention>,
    pub is_test: bool,
    pub has_strategy: bool,
    pub by_quote: bool,
    pub price: i64,
    pub quantity: i64,
    pub quote_quantity: i128,
    pub strategy_id: i64,
    pub strategy_type: i32,
    pub client_id: ClientId,
}

/// Which order to cancel, on which condition.
#[derive(Clone, Debug)]
pub struct CancelRequest {
    pub order: u64,
    pub restriction: Restriction,
    pub client_id: ClientId,
    pub request_id: ClientId,
}

#[derive(Clone, Debug)]
pub enum Command {
    CreateAsset { asset: u32, code: Text<16> },
    ListInstrument(Box<Definition>),
    ChangeInstrument(Box<Definition>),
    SetInstrumentStatus { instrument: u32, status: InstrumentStatus },
    OpenAccount { account: u64, trade_group: i64 },
    SetPermissions { account: u64, permissions: u8 },
    SetFee { account: u64, instrument: u32, rates: Rates },
    CreditDeposit { account: u64, asset: u32, amount: i128, identity: [u8; 32] },
    HoldWithdrawal { account: u64, asset: u32, amount: i128, withdrawal: u64 },
    SettleWithdrawal { withdrawal: u64 },
    ReleaseWithdrawal { withdrawal: u64 },
    PlaceOrder(OrderRequest),
    CancelOrder { account: u64, instrument: u32, cancel: CancelRequest },
    CancelAll { account: u64, instrument: u32, request_id: ClientId },
    CancelReplace { mode: ReplaceMode, cancel: CancelRequest, order: OrderRequest },
    AdvanceTime,
    SetRules { version: u32 },
}

impl Command {
    /// Decode a body; `None` when it is malformed in any way.
    pub fn decode(header: &Header, body: &[u8]) -> Option<Self> {
        if header.version != VERSION {
            return None;
        }
        let mut reader = Reader::new(body);
        let command = Self::read(header.kind, &mut reader)?;
        reader.is_empty().then_some(command)
    }

    fn read(kind: u16, reader: &mut Reader<'_>) -> Option<Self> {
        Some(match kind {
            1 => Self::CreateAsset { asset: reader.u32()?, code: reader.text(1)? },
            2 => Self::ListInstrument(Box::new(Definition::read(reader)?)),
            3 => Self::ChangeInstrument(Box::new(Definition::read(reader)?)),
            4 => Self::SetInstrumentStatus {
                instrument: reader.u32()?,
                status: InstrumentStatus::from_code(reader.u8()?)?,
            },
            5 => Self::OpenAccount { account: reader.u64()?, trade_group: reader.i64()? },
            6 => Self::SetPermissions {
                account: reader.u64()?,
                permissions: reader.u8().filter(|permissions| *permissions <= permission::ALL)?,
            },
            7 => Self::SetFee {
                account: reader.u64()?,
                instrument: reader.u32()?,
                rates: Rates { maker: reader.i64()?, taker: reader.i64()? },
            },
            8 => Self::CreditDeposit {
                account: reader.u64()?,
                asset: reader.u32()?,
                amount: reader.i128()?,
                identity: reader.array()?,
            },
            9 => Self::HoldWithdrawal {
                account: reader.u64()?,
                asset: reader.u32()?,
                amount: reader.i128()?,
                withdrawal: reader.u64()?,
            },
            10 => Self::SettleWithdrawal { withdrawal: reader.u64()? },
            11 => Self::ReleaseWithdrawal { withdrawal: reader.u64()? },
            12 => Self::PlaceOrder(OrderRequest::read(reader)?),
            13 => Self::CancelOrder {
                account: reader.u64()?,
                instrument: reader.u32()?,
                cancel: CancelRequest::read(reader)?,
            },
            14 => Self::CancelAll { account: reader.u64()?, instrument: reader.u32()?, request_id: reader.text(0)? },
            15 => Self::CancelReplace {
                mode: ReplaceMode::from_code(reader.u8()?)?,
                cancel: CancelRequest::read(reader)?,
                order: OrderRequest::read(reader).filter(|order| !order.is_test)?,
            },
            16 => Self::AdvanceTime,
            17 => Self::SetRules { version: reader.u32()? },
            _ => return None,
        })
    }

    /// The account, instrument and client id that a reject of this command names (section 4).
    pub fn named(&self) -> (u64, u32, ClientId) {
        match self {
            Self::ListInstrument(definition) | Self::ChangeInstrument(definition) => {
                (0, definition.instrument, ClientId::EMPTY)
            }
            Self::SetInstrumentStatus { instrument, .. } => (0, *instrument, ClientId::EMPTY),
            Self::OpenAccount { account, .. }
            | Self::SetPermissions { account, .. }
            | Self::CreditDeposit { account, .. }
            | Self::HoldWithdrawal { account, .. } => (*account, 0, ClientId::EMPTY),
            Self::SetFee { account, instrument, .. } | Self::CancelAll { account, instrument, .. } => {
                (*account, *instrument, ClientId::EMPTY)
            }
            Self::PlaceOrder(order) | Self::CancelReplace { order, .. } => {
                (order.account, order.instrument, order.client_id)
            }
            Self::CancelOrder { account, instrument, cancel } => (*account, *instrument, cancel.client_id),
            Self::CreateAsset { .. }
            | Self::SettleWithdrawal { .. }
            | Self::ReleaseWithdrawal { .. }
            | Self::AdvanceTime
            | Self::SetRules { .. } => (0, 0, ClientId::EMPTY),
        }
    }
}

impl CancelRequest {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            order: reader.u64()?,
            restriction: Restriction::from_code(reader.u8()?)?,
            client_id: reader.text(0)?,
            request_id: reader.text(0)?,
        })
    }
}

impl OrderRequest {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let account = reader.u64()?;
        let instrument = reader.u32()?;
        let side = Side::from_code(reader.u8()?)?;
        let order_type = OrderType::from_code(reader.u8()?)?;
        let time_in_force = TimeInForce::from_code(reader.u8()?)?;
        let stp = match reader.u8()? {
            u8::MAX => None,
            code => Some(Prevention::from_code(code)?),
        };
        let flags = reader.u8()?;
        if flags & !(FLAG_TEST | FLAG_HAS_STRATEGY | FLAG_BY_QUOTE) != 0 {
            return None;
        }
        Some(Self {
            account,
            instrument,
            side,
            order_type,
            time_in_force,
            stp,
            is_test: flags & FLAG_TEST != 0,
            has_strategy: flags & FLAG_HAS_STRATEGY != 0,
            by_quote: flags & FLAG_BY_QUOTE != 0,
            price: reader.i64()?,
            quantity: reader.i64()?,
            quote_quantity: reader.i128()?,
            strategy_id: reader.i64()?,
            strategy_type: reader.i32()?,
            client_id: reader.text(1)?,
        })
    }
}
