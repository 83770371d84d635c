//! What commands ask for: an order with its extension, a cancel, an amendment, a list of orders.

use crate::codec::{ClientId, Reader};
use crate::words::{ListForm, OrderType, PegType, Prevention, Restriction, Side, TimeInForce};

/// The fields of an order request before its client id.
const ORDER_FIXED: usize = 61;

const FLAG_TEST: u8 = 1;
const FLAG_HAS_STRATEGY: u8 = 2;
const FLAG_BY_QUOTE: u8 = 4;

const EXTENSION_STOP: u8 = 1;
const EXTENSION_TRAILING: u8 = 2;
const EXTENSION_ICEBERG: u8 = 4;
const EXTENSION_PEG: u8 = 8;
const EXTENSION_GOOD_TILL: u8 = 16;
const EXTENSION_ALL: u8 = 31;

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
    /// Boxed, since most orders have none.
    pub extension: Option<Box<Extension>>,
}

/// What an order may have beyond rules 1, each only if given.
#[derive(Clone, Default, Debug)]
pub struct Extension {
    pub stop_price: Option<i64>,
    pub trailing_delta: Option<u32>,
    pub iceberg: Option<i64>,
    pub peg: Option<(PegType, u8)>,
    pub expires_us: Option<i64>,
}

/// Which order to cancel, on which condition.
#[derive(Clone, Debug)]
pub struct CancelRequest {
    pub order: u64,
    pub restriction: Restriction,
    pub client_id: ClientId,
    pub request_id: ClientId,
}

/// Which order to make smaller, and what it is called from then on.
#[derive(Clone, Debug)]
pub struct AmendRequest {
    pub account: u64,
    pub instrument: u32,
    pub order: u64,
    pub new_quantity: i64,
    pub client_id: ClientId,
    pub new_client_id: ClientId,
}

/// Orders that belong together, in the order of their roles.
#[derive(Clone, Debug)]
pub struct ListRequest {
    pub form: ListForm,
    pub list_client_id: ClientId,
    pub legs: Vec<OrderRequest>,
}

impl CancelRequest {
    #[inline(always)]
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            order: reader.u64()?,
            restriction: Restriction::from_code(reader.u8()?)?,
            client_id: reader.text(0)?,
            request_id: reader.text(0)?,
        })
    }
}

impl AmendRequest {
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            account: reader.u64()?,
            instrument: reader.u32()?,
            order: reader.u64()?,
            new_quantity: reader.i64()?,
            client_id: reader.text(0)?,
            new_client_id: reader.text(1)?,
        })
    }
}

impl ListRequest {
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let form = ListForm::from_code(reader.u8()?)?;
        let list_client_id = reader.text(1)?;
        if usize::from(reader.u8()?) != form.legs() {
            return None;
        }
        let legs: Vec<OrderRequest> =
            (0..form.legs()).map(|_| OrderRequest::read(reader)?.extended(reader)).collect::<Option<_>>()?;
        let place = |leg: &OrderRequest| (leg.account, leg.instrument);
        let are_together = legs.iter().all(|leg| !leg.is_test && place(leg) == place(&legs[0]));
        are_together.then_some(Self { form, list_client_id, legs })
    }
}

impl OrderRequest {
    /// Read the request without an extension.
    #[inline(always)]
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut fixed = reader.fixed::<ORDER_FIXED>()?;
        let account = fixed.u64();
        let instrument = fixed.u32();
        let side = Side::from_code(fixed.u8())?;
        let order_type = OrderType::from_code(fixed.u8())?;
        let time_in_force = TimeInForce::from_code(fixed.u8())?;
        let stp = match fixed.u8() {
            u8::MAX => None,
            code => Some(Prevention::from_code(code)?),
        };
        let flags = fixed.u8();
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
            price: fixed.i64(),
            quantity: fixed.i64(),
            quote_quantity: fixed.i128(),
            strategy_id: fixed.i64(),
            strategy_type: fixed.i32(),
            client_id: reader.text(1)?,
            extension: None,
        })
    }

    /// Read the extension that follows.
    #[cold]
    pub fn extended(mut self, reader: &mut Reader<'_>) -> Option<Self> {
        let given = reader.u8()?;
        if given & !EXTENSION_ALL != 0 {
            return None;
        }
        if given == 0 {
            return Some(self);
        }
        let mut extension = Extension::default();
        if given & EXTENSION_STOP != 0 {
            extension.stop_price = Some(reader.i64()?);
        }
        if given & EXTENSION_TRAILING != 0 {
            extension.trailing_delta = Some(reader.u32()?);
        }
        if given & EXTENSION_ICEBERG != 0 {
            extension.iceberg = Some(reader.i64()?);
        }
        if given & EXTENSION_PEG != 0 {
            extension.peg = Some((PegType::from_code(reader.u8()?)?, reader.u8()?));
        }
        if given & EXTENSION_GOOD_TILL != 0 {
            extension.expires_us = Some(reader.i64()?);
        }
        self.extension = Some(Box::new(extension));
        Some(self)
    }
}
