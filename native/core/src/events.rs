//! Event frames (section 3), written one after the other into one buffer.

use crate::accounts::Balance;
use crate::buffer::Buffer;
use crate::codec::{CLIENT_ID_MAX, ClientId, Fields, Sink, Text};
use crate::funding::Withdrawal;
use crate::instruments::{Definition, Rates};
use crate::orders::{Beside, Execution, Extra, Matched, Order};
use crate::words::{EventKind, InstrumentStatus, Reason, ReplaceResult, Side};

const HEADER_LENGTH: usize = 20;
const VERSION: u16 = 1;
/// The version of an OrderUpdated that has more than rules 1 know.
const VERSION_EXTENDED: u16 = 2;
/// The fields of an order image before its two texts.
const ORDER_FIXED: usize = 228;
/// Those of them that only an execution with another order sets.
const MATCHED_LENGTH: usize = 84;
/// A text with its length, at its longest.
const TEXT_MAX: usize = 1 + CLIENT_ID_MAX;
const ORDER_UPDATED_MAX: usize = HEADER_LENGTH + ORDER_FIXED + 2 * TEXT_MAX;
/// What version 2 has after them, before its own text.
const EXTENSION_FIXED: usize = 58;

const ORDER_ON_BOOK: u8 = 1;
const ORDER_IS_MAKER: u8 = 2;
pub const ORDER_HAS_STRATEGY: u8 = 4;
const ORDER_BY_QUOTE: u8 = 8;

/// The events of the batch in hand, with the offset after each command's last one.
#[derive(Clone, Default)]
pub struct Events {
    bytes: Buffer,
    ends: Vec<u8>,
    sequence: u64,
    index: u32,
}

/// One match of two orders.
pub struct Trade {
    pub instrument: u32,
    pub trade: u64,
    pub aggregate: u64,
    pub price: i64,
    pub quantity: i64,
    pub quote: i128,
    pub maker_order: u64,
    pub taker_order: u64,
    pub maker_account: u64,
    pub taker_account: u64,
    pub taker_side: Side,
}

/// What became of the two halves of a CancelReplace.
#[derive(Clone, Copy)]
pub struct Replacement {
    pub cancel_result: ReplaceResult,
    pub cancel_reason: Option<Reason>,
    pub new_result: ReplaceResult,
    pub new_reason: Option<Reason>,
    pub canceled_order: u64,
    pub new_order: u64,
}

impl Events {
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_bytes()
    }

    pub fn ends(&self) -> &[u8] {
        &self.ends
    }

    pub fn begin_command(&mut self, sequence: u64) {
        self.sequence = sequence;
        self.index = 0;
        self.bytes.prefetch_room();
    }

    pub fn end_command(&mut self) {
        let end = u32::try_from(self.bytes.len()).expect("the events of one batch stay below 4 GiB");
        self.ends.u32(end);
    }

    #[inline]
    pub fn event(&mut self, kind: EventKind, body_length: usize, write: impl FnOnce(&mut Buffer)) {
        self.event_of_version(kind, VERSION, body_length, write);
    }

    #[inline]
    fn event_of_version(&mut self, kind: EventKind, version: u16, body_length: usize, write: impl FnOnce(&mut Buffer)) {
        let length = HEADER_LENGTH + body_length;
        let start = self.bytes.len();
        put_header(&mut self.bytes, length, kind, version, (self.index, self.sequence));
        write(&mut self.bytes);
        debug_assert_eq!(self.bytes.len() - start, length);
        self.index += 1;
    }

    /// Write an event of a fixed length in place.
    #[inline(always)]
    fn fixed<const LENGTH: usize>(&mut self, kind: EventKind, write: impl FnOnce(&mut Fields<'_, LENGTH>)) {
        let mut fields = Fields::new(self.bytes.room::<LENGTH>());
        put_header(&mut fields, LENGTH, kind, VERSION, (self.index, self.sequence));
        write(&mut fields);
        debug_assert_eq!(fields.len(), LENGTH);
        self.bytes.advance(LENGTH);
        self.index += 1;
    }

    pub fn command_rejected(&mut self, kind: u16, reason: Reason, named: &(u64, u32, ClientId)) {
        let (account, instrument, client_id) = named;
        self.event(EventKind::CommandRejected, 17 + client_id.as_bytes().len(), |body| {
            body.u16(kind);
            body.u16(reason.code());
            body.u64(*account);
            body.u32(*instrument);
            body.text(client_id);
        });
    }

    pub fn command_duplicate(&mut self, original_sequence: u64) {
        self.event(EventKind::CommandDuplicate, 8, |body| body.u64(original_sequence));
    }

    pub fn asset_created(&mut self, asset: u32, code: &Text<16>) {
        self.event(EventKind::AssetCreated, 5 + code.as_bytes().len(), |body| {
            body.u32(asset);
            body.text(code);
        });
    }

    pub fn instrument_defined(&mut self, definition: &Definition) {
        let mut image = Vec::new();
        definition.write(&mut image);
        self.event(EventKind::InstrumentDefined, image.len(), |body| body.put(&image));
    }

    pub fn instrument_status_changed(&mut self, instrument: u32, status: InstrumentStatus) {
        self.event(EventKind::InstrumentStatusChanged, 5, |body| {
            body.u32(instrument);
            body.u8(status.code());
        });
    }

    pub fn account_defined(&mut self, account: u64, trade_group: i64, permissions: u8) {
        self.event(EventKind::AccountDefined, 17, |body| {
            body.u64(account);
            body.i64(trade_group);
            body.u8(permissions);
        });
    }

    pub fn fee_set(&mut self, account: u64, instrument: u32, rates: Rates) {
        self.event(EventKind::FeeSet, 28, |body| {
            body.u64(account);
            body.u32(instrument);
            body.i64(rates.maker);
            body.i64(rates.taker);
        });
    }

    pub fn deposit_credited(&mut self, account: u64, asset: u32, amount: i128, identity: &[u8; 32]) {
        self.event(EventKind::DepositCredited, 60, |body| {
            body.u64(account);
            body.u32(asset);
            body.i128(amount);
            body.put(identity);
        });
    }

    pub fn withdrawal(&mut self, kind: EventKind, withdrawal: u64, held: &Withdrawal) {
        self.event(kind, 36, |body| {
            body.u64(withdrawal);
            body.u64(held.account);
            body.u32(held.asset);
            body.i128(held.amount);
        });
    }

    #[inline]
    pub fn order_updated(&mut self, ids: (u64, u32, u64), order: &Order, execution: &Execution) {
        if order.extension().is_some() {
            self.extended_order_updated(ids, order, execution, &ClientId::EMPTY);
            return;
        }
        let texts = 2 + order.client_id.as_bytes().len() + execution.request_id.as_bytes().len();
        let length = HEADER_LENGTH + ORDER_FIXED + texts;
        let mut fields = Fields::new(self.bytes.room::<ORDER_UPDATED_MAX>());
        put_header(&mut fields, length, EventKind::OrderUpdated, VERSION, (self.index, self.sequence));
        put_order_image(&mut fields, ids, order, execution);
        fields.whole_text(&order.client_id);
        fields.whole_text(execution.request_id);
        debug_assert_eq!(fields.len(), length);
        self.bytes.advance(length);
        self.index += 1;
    }

    /// Report an order that has more than rules 1 know, with the client id that it had before an amendment.
    #[cold]
    pub fn extended_order_updated(
        &mut self,
        ids: (u64, u32, u64),
        order: &Order,
        execution: &Execution,
        original_client_id: &ClientId,
    ) {
        let texts = [&order.client_id, execution.request_id, original_client_id].map(|text| 1 + text.as_bytes().len());
        let length = ORDER_FIXED + EXTENSION_FIXED + texts.iter().sum::<usize>();
        self.event_of_version(EventKind::OrderUpdated, VERSION_EXTENDED, length, |body| {
            put_order_image(body, ids, order, execution);
            body.text(&order.client_id);
            body.text(execution.request_id);
            if let Some(extra) = order.extension() {
                put_extension(body, extra);
            }
            body.text(original_client_id);
        });
    }

    pub fn traded(&mut self, trade: &Trade) {
        self.fixed::<{ HEADER_LENGTH + 85 }>(EventKind::Traded, |body| {
            body.u32(trade.instrument);
            body.u64(trade.trade);
            body.u64(trade.aggregate);
            body.i64(trade.price);
            body.i64(trade.quantity);
            body.i128(trade.quote);
            body.u64(trade.maker_order);
            body.u64(trade.taker_order);
            body.u64(trade.maker_account);
            body.u64(trade.taker_account);
            body.u8(trade.taker_side.code());
        });
    }

    pub fn order_tested(&mut self, account: u64, instrument: u32, client_id: &ClientId) {
        self.event(EventKind::OrderTested, 13 + client_id.as_bytes().len(), |body| {
            body.u64(account);
            body.u32(instrument);
            body.text(client_id);
        });
    }

    pub fn cancel_replaced(&mut self, replacement: &Replacement) {
        let code = |reason: Option<Reason>| reason.map_or(0, Reason::code);
        self.fixed::<{ HEADER_LENGTH + 22 }>(EventKind::CancelReplaced, |body| {
            body.u8(replacement.cancel_result.code());
            body.u16(code(replacement.cancel_reason));
            body.u8(replacement.new_result.code());
            body.u16(code(replacement.new_reason));
            body.u64(replacement.canceled_order);
            body.u64(replacement.new_order);
        });
    }

    pub fn level_changed(&mut self, instrument: u32, update: u64, side: Side, price: i64, quantity: i128) {
        self.fixed::<{ HEADER_LENGTH + 37 }>(EventKind::LevelChanged, |body| {
            body.u32(instrument);
            body.u64(update);
            body.u8(side.code());
            body.i64(price);
            body.i128(quantity);
        });
    }

    pub fn balance_changed(&mut self, account: u64, asset: u32, now: Balance, change: Balance) {
        self.fixed::<{ HEADER_LENGTH + 76 }>(EventKind::BalanceChanged, |body| {
            body.u64(account);
            body.u32(asset);
            body.i128(now.available);
            body.i128(now.held);
            body.i128(change.available);
            body.i128(change.held);
        });
    }

    pub fn time_advanced(&mut self) {
        self.event(EventKind::TimeAdvanced, 0, |_| ());
    }

    pub fn rules_set(&mut self, version: u32) {
        self.event(EventKind::RulesSet, 4, |body| body.u32(version));
    }
}

#[inline(always)]
fn put_header(sink: &mut impl Sink, length: usize, kind: EventKind, version: u16, (index, sequence): (u32, u64)) {
    sink.u32(u32::try_from(length).expect("an event is short"));
    sink.u16(kind.code());
    sink.u16(version);
    sink.u32(index);
    sink.u64(sequence);
}

#[inline(always)]
fn put_order_image(
    image: &mut impl Sink,
    (account, instrument, execution_id): (u64, u32, u64),
    order: &Order,
    execution: &Execution,
) {
    // Looked up once: most orders have nothing beside their row.
    let Beside { strategy, quote_quantity, working_us, prevented } = order.beside();
    let mut flags = 0;
    for (is_set, flag) in [
        (execution.on_book, ORDER_ON_BOOK),
        (execution.is_maker, ORDER_IS_MAKER),
        (strategy.is_some(), ORDER_HAS_STRATEGY),
        (quote_quantity.is_some(), ORDER_BY_QUOTE),
    ] {
        flags |= if is_set { flag } else { 0 };
    }
    image.u64(account);
    image.u32(instrument);
    image.u64(order.id);
    image.u8(order.side.code());
    image.u8(order.order_type.code());
    image.u8(order.time_in_force().code());
    image.u8(order.stp().code());
    image.u8(execution.status.code());
    image.u8(execution.kind.code());
    image.u8(execution.expiry.code());
    image.u8(flags);
    image.i64(order.price);
    image.i64(order.quantity);
    image.i64(order.executed);
    image.i128(order.cumulative_quote());
    image.i128(quote_quantity.unwrap_or(0));
    image.i64(prevented);
    match &execution.matched {
        Some(matched) => put_matched(image, matched),
        None => image.put(&[0; MATCHED_LENGTH]),
    }
    image.u64(execution_id);
    image.i64(order.created_us);
    image.i64(working_us);
    let (strategy_id, strategy_type) = strategy.unwrap_or((0, 0));
    image.i64(strategy_id);
    image.i32(strategy_type);
    image.i128(order.held());
}

#[inline(always)]
fn put_matched(image: &mut impl Sink, matched: &Matched) {
    image.i64(matched.last_price);
    image.i64(matched.last_quantity);
    image.i128(matched.last_quote);
    image.i128(matched.commission);
    image.u32(matched.commission_asset);
    image.u64(matched.trade);
    image.u64(matched.prevented_match);
    image.i64(matched.last_prevented);
    image.u64(matched.counter_order);
}

fn put_extension(image: &mut impl Sink, extra: &Extra) {
    let (peg_type, peg_offset) = extra.peg.map_or((0, 0), |(peg_type, offset)| (peg_type.code(), offset));
    image.i64(extra.stop_price);
    image.u32(extra.trailing_delta);
    image.i64(extra.trailing_us);
    image.i64(extra.iceberg);
    image.u8(peg_type);
    image.u8(peg_offset);
    image.i64(extra.sent_price);
    image.u64(extra.list);
    image.i64(extra.expires_us);
    image.u32(extra.amends);
}
