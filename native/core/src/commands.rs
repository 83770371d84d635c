//! Command frames: where one ends, its header, and its body decoded (section 2 of both pages).

use crate::codec::{ClientId, Reader, Text};
use crate::instruments::{Definition, Rates};
use crate::limits::{InstrumentRules, VenueRules};
use crate::requests::{AmendRequest, CancelRequest, ListRequest, OrderRequest};
use crate::words::{InstrumentStatus, Prevention, ReplaceMode, permission};

pub const HEADER_LENGTH: usize = 40;
const VERSION: u16 = 1;
/// The version of an order request's frame that has an extension.
const VERSION_EXTENDED: u16 = 2;
const PLACE_ORDER: u16 = 12;
const CANCEL_REPLACE: u16 = 15;
/// The last kind that rules 1 know.
const RULES_1_LAST: u16 = 17;

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
    AmendOrder(AmendRequest),
    PlaceOrderList(ListRequest),
    CancelOrderList { account: u64, instrument: u32, list: u64, list_client_id: ClientId, request_id: ClientId },
    SetInstrumentRules(Box<InstrumentRules>),
    SetKillSwitch { account: u64, is_on: bool },
    SetHeartbeat { account: u64, instrument: u32, countdown_us: i64 },
    DefineTier { tier: u32, rates: Rates },
    AssignTier { account: u64, tier: u32 },
    SetDiscount { asset: u32, rate: i64 },
    SetDiscountPrice { asset: u32, price: i64 },
    UseDiscount { account: u64, is_on: bool },
    SetVenueRules(VenueRules),
    SetAssetLimit { asset: u32, limit: i128 },
}

/// Read a byte that is 0 or 1.
pub fn read_switch(reader: &mut Reader<'_>) -> Option<bool> {
    match reader.u8()? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

impl Command {
    /// Decode a body under the rules in force; `None` when it is malformed in any way.
    pub fn decode(header: &Header, body: &[u8], rules: u32) -> Option<Self> {
        let is_extended = header.version == VERSION_EXTENDED && matches!(header.kind, PLACE_ORDER | CANCEL_REPLACE);
        let is_version_known = header.version == VERSION || (rules >= 2 && is_extended);
        if !is_version_known || (rules < 2 && header.kind > RULES_1_LAST) {
            return None;
        }
        let mut reader = Reader::new(body);
        let command = if header.kind <= RULES_1_LAST {
            Self::read(header.kind, is_extended, &mut reader)?
        } else {
            Self::read_rules_2(header.kind, &mut reader)?
        };
        (reader.is_empty() && (rules >= 2 || !command.has_words_of_rules_2())).then_some(command)
    }

    /// Whether it uses a status or a prevention mode that rules 1 do not know.
    fn has_words_of_rules_2(&self) -> bool {
        match self {
            Self::ListInstrument(definition) | Self::ChangeInstrument(definition) => {
                definition.status == InstrumentStatus::Auction || definition.stp_default == Prevention::Transfer
            }
            Self::SetInstrumentStatus { status, .. } => *status == InstrumentStatus::Auction,
            Self::PlaceOrder(order) | Self::CancelReplace { order, .. } => order.stp == Some(Prevention::Transfer),
            _ => false,
        }
    }

    fn read_order(is_extended: bool, reader: &mut Reader<'_>) -> Option<OrderRequest> {
        let request = OrderRequest::read(reader)?;
        if is_extended { request.extended(reader) } else { Some(request) }
    }

    fn read(kind: u16, is_extended: bool, reader: &mut Reader<'_>) -> Option<Self> {
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
            12 => Self::PlaceOrder(Self::read_order(is_extended, reader)?),
            13 => Self::CancelOrder {
                account: reader.u64()?,
                instrument: reader.u32()?,
                cancel: CancelRequest::read(reader)?,
            },
            14 => Self::CancelAll { account: reader.u64()?, instrument: reader.u32()?, request_id: reader.text(0)? },
            15 => Self::CancelReplace {
                mode: ReplaceMode::from_code(reader.u8()?)?,
                cancel: CancelRequest::read(reader)?,
                order: Self::read_order(is_extended, reader).filter(|order| !order.is_test)?,
            },
            16 => Self::AdvanceTime,
            17 => Self::SetRules { version: reader.u32()? },
            _ => return None,
        })
    }

    fn read_rules_2(kind: u16, reader: &mut Reader<'_>) -> Option<Self> {
        Some(match kind {
            18 => Self::AmendOrder(AmendRequest::read(reader)?),
            19 => Self::PlaceOrderList(ListRequest::read(reader)?),
            20 => Self::CancelOrderList {
                account: reader.u64()?,
                instrument: reader.u32()?,
                list: reader.u64()?,
                list_client_id: reader.text(0)?,
                request_id: reader.text(0)?,
            },
            21 => Self::SetInstrumentRules(Box::new(InstrumentRules::read(reader)?)),
            22 => Self::SetKillSwitch { account: reader.u64()?, is_on: read_switch(reader)? },
            23 => Self::SetHeartbeat { account: reader.u64()?, instrument: reader.u32()?, countdown_us: reader.i64()? },
            24 => Self::DefineTier { tier: reader.u32()?, rates: Rates { maker: reader.i64()?, taker: reader.i64()? } },
            25 => Self::AssignTier { account: reader.u64()?, tier: reader.u32()? },
            26 => Self::SetDiscount { asset: reader.u32()?, rate: reader.i64()? },
            27 => Self::SetDiscountPrice { asset: reader.u32()?, price: reader.i64()? },
            28 => Self::UseDiscount { account: reader.u64()?, is_on: read_switch(reader)? },
            29 => Self::SetVenueRules(VenueRules::read(reader)?),
            30 => Self::SetAssetLimit { asset: reader.u32()?, limit: reader.i128()? },
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
            | Self::HoldWithdrawal { account, .. }
            | Self::SetKillSwitch { account, .. }
            | Self::AssignTier { account, .. }
            | Self::UseDiscount { account, .. } => (*account, 0, ClientId::EMPTY),
            Self::SetFee { account, instrument, .. }
            | Self::CancelAll { account, instrument, .. }
            | Self::SetHeartbeat { account, instrument, .. } => (*account, *instrument, ClientId::EMPTY),
            Self::AmendOrder(amend) => (amend.account, amend.instrument, amend.client_id),
            Self::PlaceOrderList(list) => (list.legs[0].account, list.legs[0].instrument, list.list_client_id),
            Self::CancelOrderList { account, instrument, list_client_id, .. } => {
                (*account, *instrument, *list_client_id)
            }
            Self::SetInstrumentRules(rules) => (0, rules.instrument, ClientId::EMPTY),
            Self::PlaceOrder(order) | Self::CancelReplace { order, .. } => {
                (order.account, order.instrument, order.client_id)
            }
            Self::CancelOrder { account, instrument, cancel } => (*account, *instrument, cancel.client_id),
            Self::CreateAsset { .. }
            | Self::SettleWithdrawal { .. }
            | Self::ReleaseWithdrawal { .. }
            | Self::AdvanceTime
            | Self::SetRules { .. }
            | Self::DefineTier { .. }
            | Self::SetDiscount { .. }
            | Self::SetDiscountPrice { .. }
            | Self::SetVenueRules(_)
            | Self::SetAssetLimit { .. } => (0, 0, ClientId::EMPTY),
        }
    }
}
