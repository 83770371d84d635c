//! Command frames: where one ends, its header, and its body decoded (section 2 of both pages).

use crate::codec::{ClientId, Reader, Text};
use crate::engine::Engine;
use crate::instruments::{Definition, Rates};
use crate::limits::{InstrumentRules, VenueRules};
use crate::requests::{AmendRequest, CancelRequest, ListRequest, OrderRequest};
use crate::words::{InstrumentStatus, Prevention, Reason, ReplaceMode, permission};

pub const HEADER_LENGTH: usize = 40;
const VERSION: u16 = 1;
/// The version of an order request's frame that has an extension.
const VERSION_EXTENDED: u16 = 2;
pub const PLACE_ORDER: u16 = 12;
pub const CANCEL_ORDER: u16 = 13;
pub const CANCEL_REPLACE: u16 = 15;
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
#[inline(always)]
pub fn split_frame<'a>(frames: &mut &'a [u8]) -> Option<(Header, &'a [u8])> {
    let whole = std::mem::take(frames);
    let mut reader = Reader::new(whole);
    let mut fixed = reader.fixed::<HEADER_LENGTH>()?;
    let length = usize::try_from(fixed.u32()).ok()?;
    let (body, rest) = whole[HEADER_LENGTH..].split_at_checked(length.checked_sub(HEADER_LENGTH)?)?;
    *frames = rest;
    let header = Header {
        kind: fixed.u16(),
        version: fixed.u16(),
        session: fixed.u64(),
        counter: fixed.u64(),
        low_water: fixed.u64(),
    };
    Some((header, body))
}

/// What a command asks for, read from its body.
pub trait Wish {
    /// The account, instrument and client id that a reject of this command names (section 4).
    fn named(&self) -> (u64, u32, ClientId);
    fn perform(&self, engine: &mut Engine) -> Result<(), Reason>;
}

/// What the commands that come by far the most often ask for: to cancel an order, to place one, or one for the other.
/// One way leads through all three, so that its code is there once and stays near, and none is moved about as a
/// [`Command`].
#[derive(Debug)]
pub struct Change {
    pub account: u64,
    pub instrument: u32,
    /// Of a command that does both.
    pub mode: ReplaceMode,
    pub cancel: Option<CancelRequest>,
    pub order: Option<OrderRequest>,
}

impl Header {
    /// Whether its order request has an extension; `None` when the version is not known.
    #[inline(always)]
    fn is_extended(&self, rules: u32) -> Option<bool> {
        match self.version {
            VERSION => Some(false),
            VERSION_EXTENDED if rules >= 2 => Some(true),
            _ => None,
        }
    }
}

#[inline(always)]
fn read_order(is_extended: bool, rules: u32, reader: &mut Reader<'_>) -> Option<OrderRequest> {
    let mut request = OrderRequest::read(reader)?;
    if is_extended {
        request = request.extended(reader)?;
    }
    // Nothing follows, and rules 1 do not know transfers.
    let is_known = rules >= 2 || request.stp != Some(Prevention::Transfer);
    if is_known && reader.is_empty() { Some(request) } else { None }
}

impl Change {
    pub const fn is_of(kind: u16) -> bool {
        matches!(kind, PLACE_ORDER | CANCEL_ORDER | CANCEL_REPLACE)
    }

    /// Read the body of a command of one of the three kinds.
    #[inline(always)]
    pub fn decode(header: &Header, body: &[u8], rules: u32) -> Option<Self> {
        let is_extended = header.is_extended(rules)?;
        let mut reader = Reader::new(body);
        let (mut account, mut instrument, mut mode) = (0, 0, ReplaceMode::StopOnFailure);
        if header.kind == CANCEL_ORDER {
            (account, instrument) = (reader.u64()?, reader.u32()?);
        } else if header.kind == CANCEL_REPLACE {
            mode = ReplaceMode::from_code(reader.u8()?)?;
        }
        let cancel = if header.kind == PLACE_ORDER { None } else { Some(CancelRequest::read(&mut reader)?) };
        if header.kind == CANCEL_ORDER {
            let is_right = !is_extended && reader.is_empty();
            return if is_right { Some(Self { account, instrument, mode, cancel, order: None }) } else { None };
        }
        let order = read_order(is_extended, rules, &mut reader)?;
        if order.is_test && cancel.is_some() {
            return None;
        }
        Some(Self { account: order.account, instrument: order.instrument, mode, cancel, order: Some(order) })
    }
}

impl Wish for Change {
    fn named(&self) -> (u64, u32, ClientId) {
        let client_id = match (&self.order, &self.cancel) {
            (Some(order), _) => order.client_id,
            (None, Some(cancel)) => cancel.client_id,
            (None, None) => ClientId::EMPTY,
        };
        (self.account, self.instrument, client_id)
    }

    #[inline(always)]
    fn perform(&self, engine: &mut Engine) -> Result<(), Reason> {
        engine.change_open(self)
    }
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
    CancelAll { account: u64, instrument: u32, request_id: ClientId },
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
        if header.version != VERSION || (rules < 2 && header.kind > RULES_1_LAST) {
            return None;
        }
        let mut reader = Reader::new(body);
        let command = if header.kind <= RULES_1_LAST {
            Self::read(header.kind, &mut reader)?
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
            _ => false,
        }
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
            14 => Self::CancelAll { account: reader.u64()?, instrument: reader.u32()?, request_id: reader.text(0)? },
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
}

impl Wish for Command {
    fn named(&self) -> (u64, u32, ClientId) {
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

    fn perform(&self, engine: &mut Engine) -> Result<(), Reason> {
        engine.perform(self)
    }
}
