//! What holds for every stream of commands and for all bytes, as properties: a failure is shrunk to few commands.
//!
//! `PROPTEST_CASES=20000 PROPTEST_RNG_SEED=7 cargo test -p openbourse-core --test properties` looks further.

mod venue;

use openbourse_core::Engine;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::RngSeed;
use venue::dice::Dice;
use venue::random::{crowd, random_command};

const HEADER: usize = 40;
const EVENT_HEADER: usize = 20;
const REJECTED: u16 = 1;
const DUPLICATE: u16 = 2;
const MALFORMED: u16 = 1;
const KIND_LAST: u16 = 30;

/// The same cases every time unless a seed is given; a failure prints its story, so no file keeps it.
fn config() -> ProptestConfig {
    let given = ProptestConfig::default();
    let rng_seed = if given.rng_seed == RngSeed::Random { RngSeed::Fixed(1) } else { given.rng_seed };
    ProptestConfig { rng_seed, failure_persistence: None, ..given }
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().unwrap()
}

/// One command from a seed of its own, so that a stream can be shrunk command by command.
fn command(number: usize, seed: u64) -> Vec<u8> {
    let number = number as u64;
    // As late as a stream can get, so that a time until which an order is good lies on both sides of it.
    let now = 1_000_000 + i64::try_from(number).unwrap() * 900;
    random_command(&mut Dice(seed), number, now)
}

/// A stream, and after which of its commands a batch ends.
fn stream(commands: usize) -> impl Strategy<Value = Vec<(u64, bool)>> {
    prop::collection::vec((any::<u64>(), proptest::bool::weighted(0.2)), 1..commands)
}

/// The batches of a stream with their times.
fn batches(stream: &[(u64, bool)], first_us: i64) -> Vec<(i64, Vec<Vec<u8>>)> {
    let mut batches = vec![(first_us, Vec::new())];
    for (number, (seed, ends)) in stream.iter().enumerate() {
        let (time_us, batch) = batches.last_mut().unwrap();
        batch.push(command(number, *seed));
        if *ends {
            let time_us = *time_us + 7_000;
            batches.push((time_us, Vec::new()));
        }
    }
    batches
}

fn apply(engine: &mut Engine, time_us: i64, frames: &[u8]) -> Vec<Vec<u8>> {
    let output = engine.apply(engine.sequence() + 1, time_us, frames).unwrap();
    let mut start = 0;
    let ends = output.ends.chunks_exact(4).map(|end| u32::from_le_bytes(end.try_into().unwrap()) as usize);
    ends.map(|end| output.events[std::mem::replace(&mut start, end)..end].to_vec()).collect()
}

/// What bytes become on their way: cut, lengthened, overwritten, and joined with themselves.
#[derive(Clone, Debug)]
enum Harm {
    Flip(Index, u8),
    Write(Index, Vec<u8>),
    Cut(Index, Index),
    Repeat(Index, Index),
    Insert(Index, Vec<u8>),
    Truncate(Index),
}

fn odd_bytes() -> impl Strategy<Value = Vec<u8>> {
    let edges = prop_oneof![
        Just(0_i64),
        Just(-1),
        Just(1),
        Just(i64::MAX),
        Just(i64::MIN),
        Just(100_000_000),
        Just(i64::from(u32::MAX)),
        0..260_i64
    ];
    let cut = |(edge, width): (i64, usize)| edge.to_le_bytes()[..width].to_vec();
    prop_oneof![
        2 => (edges, prop_oneof![Just(1_usize), Just(2), Just(4), Just(8)]).prop_map(cut),
        1 => prop::collection::vec(any::<u8>(), 1..24),
        1 => Just(vec![0xFF; 16]),
    ]
}

fn harm() -> impl Strategy<Value = Harm> {
    let at = any::<Index>;
    prop_oneof![
        4 => (at(), 0..8_u8).prop_map(|(at, bit)| Harm::Flip(at, bit)),
        4 => (at(), odd_bytes()).prop_map(|(at, bytes)| Harm::Write(at, bytes)),
        1 => (at(), at()).prop_map(|(from, to)| Harm::Cut(from, to)),
        1 => (at(), at()).prop_map(|(from, to)| Harm::Repeat(from, to)),
        1 => (at(), odd_bytes()).prop_map(|(at, bytes)| Harm::Insert(at, bytes)),
        1 => at().prop_map(Harm::Truncate),
    ]
}

fn harmed(mut bytes: Vec<u8>, harms: &[Harm]) -> Vec<u8> {
    for harm in harms {
        if bytes.is_empty() {
            break;
        }
        let length = bytes.len();
        let span = |from: &Index, to: &Index| {
            let (from, to) = (from.index(length), to.index(length));
            from.min(to)..from.max(to)
        };
        match harm {
            Harm::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
            Harm::Write(at, new) => {
                let at = at.index(length);
                let fits = new.len().min(length - at);
                bytes[at..at + fits].copy_from_slice(&new[..fits]);
            }
            Harm::Cut(from, to) => drop(bytes.drain(span(from, to))),
            Harm::Repeat(from, to) => {
                let again = bytes[span(from, to)].to_vec();
                bytes.extend(again);
            }
            Harm::Insert(at, new) => {
                let at = at.index(length);
                bytes.splice(at..at, new.iter().copied());
            }
            Harm::Truncate(at) => bytes.truncate(at.index(length)),
        }
    }
    bytes
}

/// The frames of a batch as section 2 splits them, and whether a frame's header could be read.
fn split(mut bytes: &[u8]) -> Vec<(bool, &[u8])> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let length = if bytes.len() < HEADER { 0 } else { u32::from_le_bytes(field(bytes, 0)) as usize };
        let is_whole = (HEADER..=bytes.len()).contains(&length);
        let (frame, rest) = bytes.split_at(if is_whole { length } else { bytes.len() });
        frames.push((is_whole, frame));
        bytes = rest;
    }
    frames
}

/// Every command has events with dense indexes under its sequence; what has no meaning is one reject that says so.
fn check_answers(frames: &[(bool, &[u8])], answers: &[Vec<u8>], first_sequence: u64) {
    assert_eq!(frames.len(), answers.len());
    for (((is_whole, frame), answer), sequence) in frames.iter().zip(answers).zip(first_sequence..) {
        let mut rest = &answer[..];
        let mut count = 0;
        while !rest.is_empty() {
            let length = u32::from_le_bytes(field(rest, 0)) as usize;
            assert!(length >= EVENT_HEADER);
            assert_eq!((u32::from_le_bytes(field(rest, 8)), u64::from_le_bytes(field(rest, 12))), (count, sequence));
            count += 1;
            rest = &rest[length..];
        }
        assert!(count > 0);
        let event_kind = u16::from_le_bytes(field(answer, 4));
        let kind = if *is_whole { u16::from_le_bytes(field(frame, 4)) } else { 0 };
        let version = if *is_whole { u16::from_le_bytes(field(frame, 6)) } else { 0 };
        let is_known = (1..=KIND_LAST).contains(&kind) && (version == 1 || (version == 2 && matches!(kind, 12 | 15)));
        if !is_known {
            assert!(count == 1 && (event_kind == REJECTED || event_kind == DUPLICATE), "{event_kind} to {frame:?}");
        }
        if !is_whole || (!is_known && u64::from_le_bytes(field(frame, 16)) == 0) {
            assert_eq!(event_kind, REJECTED);
        }
        if event_kind == REJECTED {
            let told: (u16, u16) = (u16::from_le_bytes(field(answer, 20)), u16::from_le_bytes(field(answer, 22)));
            assert_eq!(told.0, kind);
            assert!((1..=72).contains(&told.1), "reason {}", told.1);
            // A refusal by the identity comes before anybody asks what the body means.
            assert!(is_known || [MALFORMED, 2, 3].contains(&told.1));
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_stream_has_one_meaning_however_it_is_cut(stream in stream(60)) {
        let mut whole = crowd().engine;
        let mut single = whole.clone();
        for (time_us, batch) in batches(&stream, whole.time_us()) {
            let answers = apply(&mut whole, time_us, &batch.concat());
            let singly: Vec<_> = batch.iter().flat_map(|command| apply(&mut single, time_us, command)).collect();
            prop_assert_eq!(answers, singly);
            prop_assert_eq!((whole.sequence(), whole.due_us()), (single.sequence(), single.due_us()));
        }
        whole.audit().unwrap();
        prop_assert_eq!(whole.snapshot(), single.snapshot());
    }

    #[test]
    fn restoring_and_going_on_is_never_having_stopped(
        stream in stream(80),
        stops in prop::collection::vec(any::<Index>(), 1..4),
    ) {
        let mut never = crowd().engine;
        let mut stopped = never.clone();
        let batches = batches(&stream, never.time_us());
        let stops: Vec<usize> = stops.iter().map(|stop| stop.index(batches.len())).collect();
        for (number, (time_us, batch)) in batches.iter().enumerate() {
            if stops.contains(&number) {
                let state = stopped.snapshot();
                prop_assert_eq!(&state, &never.snapshot());
                stopped = Engine::restore(&state).unwrap();
                prop_assert_eq!(stopped.snapshot(), state);
            }
            let frames = batch.concat();
            prop_assert_eq!(apply(&mut never, *time_us, &frames), apply(&mut stopped, *time_us, &frames));
            prop_assert_eq!(never.due_us(), stopped.due_us());
        }
        stopped.audit().unwrap();
        prop_assert_eq!(never.snapshot(), stopped.snapshot());
    }

    #[test]
    fn bytes_without_a_meaning_are_rejected_and_change_nothing_else(
        stream in stream(40),
        harms in prop::collection::vec(prop::collection::vec(harm(), 0..4), 1..12),
        noise in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..4),
    ) {
        let mut engine = crowd().engine;
        let mut harms = harms.iter().cycle();
        for (time_us, batch) in batches(&stream, engine.time_us()) {
            let frames = harmed(batch.concat(), harms.next().unwrap());
            let first_sequence = engine.sequence() + 1;
            let answers = apply(&mut engine, time_us, &frames);
            check_answers(&split(&frames), &answers, first_sequence);
            engine.audit().unwrap();
        }
        for bytes in &noise {
            let (first_sequence, time_us) = (engine.sequence() + 1, engine.time_us());
            let answers = apply(&mut engine, time_us, bytes);
            check_answers(&split(bytes), &answers, first_sequence);
        }
        engine.audit().unwrap();
        let state = engine.snapshot();
        prop_assert_eq!(Engine::restore(&state).unwrap().snapshot(), state);
    }

    #[test]
    fn a_harmed_snapshot_is_refused_or_is_another_sound_state(
        stream in stream(60),
        harms in prop::collection::vec(prop::collection::vec(harm(), 1..4), 1..20),
    ) {
        let mut engine = crowd().engine;
        for (time_us, batch) in batches(&stream, engine.time_us()) {
            apply(&mut engine, time_us, &batch.concat());
        }
        let state = engine.snapshot();
        let more: Vec<u8> = (80..90).flat_map(|number| command(number, number as u64)).collect();
        for harms in &harms {
            let bytes = harmed(state.clone(), harms);
            let Ok(mut other) = Engine::restore(&bytes) else { continue };
            prop_assert_eq!(other.snapshot(), bytes);
            other.audit().unwrap();
            let time_us = other.time_us().saturating_add(1_000);
            apply(&mut other, time_us, &more);
            other.audit().unwrap();
        }
        for length in [0, 1, state.len() / 3, state.len() - 1] {
            prop_assert!(Engine::restore(&state[..length]).is_err());
        }
    }
}
