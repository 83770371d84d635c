//! Commands as bytes: what the page's layouts allow is read and written back to the same bytes, nothing else is read.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::codec::{ClientId, Sink, Text};
use crate::commands::{Change, Command, HEADER_LENGTH, Header, Wish, split_frame};
use crate::instruments::{Definition, Rates};
use crate::requests::{CancelRequest, OrderRequest};

/// The same cases every time unless a seed is given.
fn config() -> ProptestConfig {
    let given = ProptestConfig::default();
    let rng_seed = if given.rng_seed == RngSeed::Random { RngSeed::Fixed(1) } else { given.rng_seed };
    ProptestConfig { rng_seed, failure_persistence: None, ..given }
}

/// A field of a layout: one of these codes, bits of this mask, so many bytes, a text of so many characters.
#[derive(Clone, Copy, Debug)]
enum Field {
    Codes(&'static [u8]),
    Bits(u16),
    Bytes(usize),
    Text(usize, usize),
}

use Field::{Bits, Bytes, Codes, Text as Chars};

const SWITCH: Field = Codes(&[0, 1]);
const ID: Field = Chars(0, 36);
const NAME: Field = Chars(1, 36);
const STATUS: Field = Codes(&[1, 2, 3, 4, 5]);
const CANCEL: [Field; 4] = [Bytes(8), Codes(&[0, 1, 2]), ID, ID];
const IMAGE: [Field; 28] = [
    Bytes(4),
    Chars(1, 32),
    Bytes(4),
    Bytes(4),
    STATUS,
    Bytes(8),
    Bytes(8),
    Bytes(8),
    Bytes(8),
    Bytes(8),
    Bytes(8),
    Bytes(8),
    Bytes(8),
    Bytes(8),
    Bytes(16),
    Bytes(16),
    Codes(&[0, 1, 2, 3]),
    Bytes(8),
    Bytes(8),
    Bytes(8),
    Bytes(8),
    Bytes(4),
    Bytes(4),
    Bytes(8),
    Bytes(8),
    Codes(&[0, 1, 2, 3, 4, 5]),
    Bytes(1),
    Bytes(2),
];

/// The layouts of section 2 of both pages that have no parts of their own: orders and lists are made below.
const LAYOUTS: [(u16, &[Field]); 27] = [
    (1, &[Bytes(4), Chars(1, 16)]),
    (2, &IMAGE),
    (3, &IMAGE),
    (4, &[Bytes(4), STATUS]),
    (5, &[Bytes(8), Bytes(8)]),
    (6, &[Bytes(8), Codes(&[0, 1, 2, 3, 4, 5, 6, 7])]),
    (7, &[Bytes(8), Bytes(4), Bytes(8), Bytes(8)]),
    (8, &[Bytes(8), Bytes(4), Bytes(16), Bytes(32)]),
    (9, &[Bytes(8), Bytes(4), Bytes(16), Bytes(8)]),
    (10, &[Bytes(8)]),
    (11, &[Bytes(8)]),
    (13, &[Bytes(8), Bytes(4), CANCEL[0], CANCEL[1], CANCEL[2], CANCEL[3]]),
    (14, &[Bytes(8), Bytes(4), ID]),
    (16, &[]),
    (17, &[Bytes(4)]),
    (18, &[Bytes(8), Bytes(4), Bytes(8), Bytes(8), ID, NAME]),
    (20, &[Bytes(8), Bytes(4), Bytes(8), ID, ID]),
    (21, &[Bytes(4), Bits(2047), Bytes(20), Bytes(16), Bytes(16), Bytes(48)]),
    (22, &[Bytes(8), SWITCH]),
    (23, &[Bytes(8), Bytes(4), Bytes(8)]),
    (24, &[Bytes(4), Bytes(8), Bytes(8)]),
    (25, &[Bytes(8), Bytes(4)]),
    (26, &[Bytes(4), Bytes(8)]),
    (27, &[Bytes(4), Bytes(8)]),
    (28, &[Bytes(8), SWITCH]),
    (29, &[Bytes(16)]),
    (30, &[Bytes(4), Bytes(16)]),
];

fn field(field: Field) -> BoxedStrategy<Vec<u8>> {
    match field {
        Codes(codes) => prop::sample::select(codes).prop_map(|code| vec![code]).boxed(),
        Bits(mask) => any::<u16>().prop_map(move |bits| (bits & mask).to_le_bytes().to_vec()).boxed(),
        Bytes(length) => prop::collection::vec(any::<u8>(), length).boxed(),
        Chars(shortest, longest) => prop::collection::vec(0x21..=0x7E_u8, shortest..=longest)
            .prop_map(|text| [vec![u8::try_from(text.len()).expect("short")], text].concat())
            .boxed(),
    }
}

fn fields(layout: &[Field]) -> BoxedStrategy<Vec<u8>> {
    layout.iter().map(|part| field(*part)).collect::<Vec<_>>().prop_map(|parts| parts.concat()).boxed()
}

/// What follows account and instrument in an order request; the flag of tests is bit 0.
fn order_rest(flags: &'static [u8]) -> BoxedStrategy<Vec<u8>> {
    let codes = [Codes(&[1, 2]), Codes(&[1, 2, 3, 4, 5, 6, 7]), Codes(&[1, 2, 3]), Codes(&[0, 1, 2, 3, 4, 5, 255])];
    let numbers = [Codes(flags), Bytes(8), Bytes(8), Bytes(16), Bytes(8), Bytes(4), NAME];
    fields(&[&codes[..], &numbers[..]].concat())
}

fn extension() -> BoxedStrategy<Vec<u8>> {
    let parts = [fields(&[Bytes(8)]), fields(&[Bytes(4)]), fields(&[Bytes(8)])];
    let more = [fields(&[Codes(&[1, 2]), Bytes(1)]), fields(&[Bytes(8)])];
    let all: Vec<_> = parts.into_iter().chain(more).map(prop::option::of).collect();
    let written = |parts: Vec<Option<Vec<u8>>>| {
        let given = parts.iter().zip(0..).map(|(part, bit)| u8::from(part.is_some()) << bit).sum();
        [vec![given], parts.into_iter().flatten().flatten().collect()].concat()
    };
    all.prop_map(written).boxed()
}

fn order(version: u16, flags: &'static [u8]) -> BoxedStrategy<Vec<u8>> {
    let head = fields(&[Bytes(12)]);
    let tail = if version == 2 { extension() } else { Just(Vec::new()).boxed() };
    (head, order_rest(flags), tail).prop_map(|(head, rest, tail)| [head, rest, tail].concat()).boxed()
}

fn list() -> BoxedStrategy<Vec<u8>> {
    let head = (1..=5_u8, fields(&[NAME]), fields(&[Bytes(12)]));
    let leg = || (order_rest(&[0, 2, 4, 6]), extension()).prop_map(|(rest, extension)| [rest, extension].concat());
    (head, [leg(), leg(), leg()])
        .prop_map(|((form, name, place), legs)| {
            let count = if matches!(form, 3 | 5) { 3 } else { 2 };
            let legs = legs[..count].iter().flat_map(|leg| [&place[..], leg].concat()).collect();
            [vec![form], name, vec![u8::try_from(count).expect("few")], legs].concat()
        })
        .boxed()
}

/// (kind, version, body) of any command that the pages allow.
fn command() -> impl Strategy<Value = (u16, u16, Vec<u8>)> {
    let plain = prop::sample::select(&LAYOUTS[..])
        .prop_flat_map(|(kind, layout)| fields(layout).prop_map(move |body| (kind, 1, body)));
    let any_flags: &[u8] = &[0, 1, 2, 3, 4, 5, 6, 7];
    let place = (1..=2_u16).prop_flat_map(move |version| order(version, any_flags).prop_map(move |b| (12, version, b)));
    let replace = (1..=2_u16).prop_flat_map(|version| {
        (fields(&[Codes(&[1, 2])]), fields(&CANCEL), order(version, &[0, 2, 4, 6]))
            .prop_map(move |(mode, cancel, order)| (15, version, [mode, cancel, order].concat()))
    });
    prop_oneof![10 => plain, 3 => place, 3 => replace, 3 => list().prop_map(|body| (19, 1, body))]
}

fn header(kind: u16, version: u16) -> Header {
    Header { kind, version, session: 0, counter: 0, low_water: 0 }
}

trait Put: Sink + Sized {
    fn place(mut self, account: u64, instrument: u32) -> Self {
        self.u64(account);
        self.u32(instrument);
        self
    }
    fn rates(&mut self, rates: Rates) {
        self.i64(rates.maker);
        self.i64(rates.taker);
    }
    fn cancel(&mut self, cancel: &CancelRequest) {
        self.u64(cancel.order);
        self.u8(cancel.restriction.code());
        self.text(&cancel.client_id);
        self.text(&cancel.request_id);
    }
    fn order(&mut self, order: &OrderRequest, is_extended: bool) {
        self.u64(order.account);
        self.u32(order.instrument);
        let stp = order.stp.map_or(u8::MAX, |mode| mode.code());
        let flags = u8::from(order.is_test) | u8::from(order.has_strategy) << 1 | u8::from(order.by_quote) << 2;
        self.put(&[order.side.code(), order.order_type.code(), order.time_in_force.code(), stp, flags]);
        self.i64(order.price);
        self.i64(order.quantity);
        self.i128(order.quote_quantity);
        self.i64(order.strategy_id);
        self.i32(order.strategy_type);
        self.text(&order.client_id);
        if is_extended {
            self.extension(order);
        }
    }
    fn extension(&mut self, order: &OrderRequest) {
        let given = order.extension.as_deref().cloned().unwrap_or_default();
        let mut parts: Vec<u8> = Vec::new();
        let mut bits = 0;
        for (bit, number) in [(1, given.stop_price), (4, given.iceberg), (16, given.expires_us)] {
            bits |= number.map_or(0, |_| bit);
            if bit == 4 {
                bits |= given.trailing_delta.map_or(0, |_| 2);
                given.trailing_delta.into_iter().for_each(|delta| parts.u32(delta));
            }
            if bit == 16 {
                bits |= given.peg.map_or(0, |_| 8);
                given.peg.into_iter().for_each(|(kind, offset)| parts.put(&[kind.code(), offset]));
            }
            number.into_iter().for_each(|number| parts.i64(number));
        }
        self.u8(bits);
        self.put(&parts);
    }
}

impl Put for Vec<u8> {}

fn image(definition: &Definition) -> Vec<u8> {
    let mut out = Vec::new();
    definition.write(&mut out);
    out
}

/// A command as the engine reads it: what comes often by itself.
#[derive(Debug)]
enum Read {
    Often(Change),
    Seldom(Command),
}

impl Read {
    fn decode(header: &Header, body: &[u8], rules: u32) -> Option<Self> {
        if Change::is_of(header.kind) {
            Change::decode(header, body, rules).map(Self::Often)
        } else {
            Command::decode(header, body, rules).map(Self::Seldom)
        }
    }

    fn named(&self) -> (u64, u32, ClientId) {
        match self {
            Self::Often(change) => change.named(),
            Self::Seldom(command) => command.named(),
        }
    }
}

/// The body of a command, written from what was read.
fn written(read: &Read, is_extended: bool) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::new();
    match read {
        Read::Often(Change { account, instrument, mode, cancel, order }) => {
            match (cancel, order) {
                (Some(_), Some(_)) => out.u8(mode.code()),
                (_, None) => out = out.place(*account, *instrument),
                (None, Some(_)) => {}
            }
            if let Some(cancel) = cancel {
                out.cancel(cancel);
            }
            if let Some(order) = order {
                out.order(order, is_extended);
            }
        }
        Read::Seldom(command) => return written_seldom(command),
    }
    out
}

fn written_seldom(command: &Command) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::new();
    match command {
        Command::CreateAsset { asset, code } => {
            out.u32(*asset);
            out.text(code);
        }
        Command::ListInstrument(definition) | Command::ChangeInstrument(definition) => return image(definition),
        Command::SetInstrumentStatus { instrument, status } => {
            out.u32(*instrument);
            out.u8(status.code());
        }
        Command::OpenAccount { account, trade_group } => {
            out.u64(*account);
            out.i64(*trade_group);
        }
        Command::SetPermissions { account, permissions: byte } => {
            out.u64(*account);
            out.u8(*byte);
        }
        Command::SetKillSwitch { account, is_on } | Command::UseDiscount { account, is_on } => {
            out.u64(*account);
            out.u8(u8::from(*is_on));
        }
        Command::SetFee { account, instrument, rates } => {
            out = out.place(*account, *instrument);
            out.rates(*rates);
        }
        Command::CreditDeposit { account, asset, amount, identity } => {
            out = out.place(*account, *asset);
            out.i128(*amount);
            out.put(identity);
        }
        Command::HoldWithdrawal { account, asset, amount, withdrawal } => {
            out = out.place(*account, *asset);
            out.i128(*amount);
            out.u64(*withdrawal);
        }
        Command::SettleWithdrawal { withdrawal } | Command::ReleaseWithdrawal { withdrawal } => out.u64(*withdrawal),
        Command::CancelAll { account, instrument, request_id } => {
            out = out.place(*account, *instrument);
            out.text(request_id);
        }
        Command::AdvanceTime => {}
        Command::SetRules { version } => out.u32(*version),
        _ => return written_rules_2(command),
    }
    out
}

fn written_rules_2(command: &Command) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::new();
    match command {
        Command::AmendOrder(amend) => {
            out = out.place(amend.account, amend.instrument);
            out.u64(amend.order);
            out.i64(amend.new_quantity);
            out.text(&amend.client_id);
            out.text(&amend.new_client_id);
        }
        Command::PlaceOrderList(list) => {
            out.u8(list.form.code());
            out.text(&list.list_client_id);
            out.u8(u8::try_from(list.legs.len()).expect("few"));
            list.legs.iter().for_each(|leg| out.order(leg, true));
        }
        Command::CancelOrderList { account, instrument, list, list_client_id, request_id } => {
            out = out.place(*account, *instrument);
            out.u64(*list);
            out.text(list_client_id);
            out.text(request_id);
        }
        Command::SetInstrumentRules(rules) => rules.write(&mut out),
        Command::SetHeartbeat { account, instrument, countdown_us } => {
            out = out.place(*account, *instrument);
            out.i64(*countdown_us);
        }
        Command::DefineTier { tier, rates } => {
            out.u32(*tier);
            out.rates(*rates);
        }
        Command::AssignTier { account, tier } => out = out.place(*account, *tier),
        Command::SetDiscount { asset, rate: number } | Command::SetDiscountPrice { asset, price: number } => {
            out.u32(*asset);
            out.i64(*number);
        }
        Command::SetVenueRules(rules) => rules.write(&mut out),
        Command::SetAssetLimit { asset, limit } => {
            out.u32(*asset);
            out.i128(*limit);
        }
        _ => unreachable!("a command of rules 1"),
    }
    out
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_read_is_written_back_to_the_same_bytes((kind, version, body) in command()) {
        let header = header(kind, version);
        let read = Read::decode(&header, &body, 2).expect("the layout allows it");
        prop_assert_eq!(written(&read, version == 2), body);
        let again = Read::decode(&header, &written(&read, version == 2), 2).expect("as before");
        prop_assert_eq!(format!("{read:?}"), format!("{again:?}"));
    }

    #[test]
    fn no_part_of_a_body_is_a_command_and_nothing_may_follow_it(
        (kind, version, body) in command(),
        more in prop::collection::vec(any::<u8>(), 1..9),
    ) {
        let header = header(kind, version);
        for length in 0..body.len() {
            prop_assert!(Read::decode(&header, &body[..length], 2).is_none(), "{length} of {}", body.len());
        }
        prop_assert!(Read::decode(&header, &[body, more].concat(), 2).is_none());
    }

    #[test]
    fn a_changed_byte_is_another_command_or_none(
        (kind, version, body) in command(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        prop_assume!(!body.is_empty());
        let mut changed = body;
        let at = at.index(changed.len());
        changed[at] = byte;
        if let Some(read) = Read::decode(&header(kind, version), &changed, 2) {
            prop_assert_eq!(written(&read, version == 2), changed);
        }
    }

    #[test]
    fn random_bytes_are_read_or_refused(kind in any::<u16>(), version in 0..4_u16, rules in 1..=2_u32,
                                        body in prop::collection::vec(any::<u8>(), 0..300)) {
        for kind in [kind, kind % 34] {
            let read = Read::decode(&header(kind, version), &body, rules);
            if let Some(read) = read {
                read.named();
                prop_assert!((1..=30).contains(&kind));
            }
        }
        let mut rest = &body[..];
        while !rest.is_empty() {
            let before = rest.len();
            match split_frame(&mut rest) {
                Some((_, frame)) => prop_assert_eq!(rest.len(), before - HEADER_LENGTH - frame.len()),
                None => prop_assert!(rest.is_empty()),
            }
        }
    }

    #[test]
    fn a_text_holds_what_is_printable(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let is_printable = bytes.iter().all(|byte| (0x21..=0x7E).contains(byte));
        let read: Option<Text<36>> = Text::from_bytes(&bytes);
        prop_assert_eq!(read.is_some(), is_printable && bytes.len() <= 36);
        prop_assert!(read.is_none_or(|text| text.as_bytes() == bytes));
    }
}
