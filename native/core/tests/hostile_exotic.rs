//! No bytes stop the engine under rules 2 either: any mix of commands keeps its invariants and survives a restart.

mod venue;

use openbourse_core::{Engine, UNIT};
use venue::dice::Dice;
use venue::exotic::{ALL_FEATURES, Extension, Rules};
use venue::random::{crowd, random_command};
use venue::{ALICE, Ask, BOB, Body, Venue, frame, limit};

#[test]
fn whatever_comes_invariants_hold_and_a_restored_engine_goes_on_alike() {
    for seed in 0..6 {
        println!("seed {seed}");
        let mut dice = Dice(seed);
        let mut venue = crowd();
        let mut other = Engine::restore(&venue.engine.snapshot()).unwrap();
        for number in 0..2_500 {
            let mut bytes = random_command(&mut dice, number, venue.engine.time_us());
            if dice.hits(25) {
                // Not in the identity: a low water far ahead would refuse all that comes after.
                let at = if dice.hits(4) { 4 + dice.below(4) } else { 40 + dice.below(bytes.len() - 39) };
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << dice.below(8);
                }
            }
            let (sequence, time_us) = (venue.engine.sequence() + 1, venue.engine.time_us() + 1_000);
            let output = venue.engine.apply(sequence, time_us, &bytes).unwrap();
            let expected = (output.events.to_vec(), output.ends.to_vec());
            let output = other.apply(sequence, time_us, &bytes).unwrap();
            assert_eq!((output.events, output.ends), (&expected.0[..], &expected.1[..]), "command {number}");
            venue.engine.audit().unwrap();
            if number % 50 == 0 {
                let state = venue.engine.snapshot();
                assert_eq!(other.snapshot(), state);
                other = Engine::restore(&state).unwrap();
                assert_eq!(other.snapshot(), state);
                assert_eq!(other.due_us(), venue.engine.due_us());
            }
        }
    }
}

#[test]
fn a_batch_that_is_looked_ahead_in_does_what_its_commands_do_one_by_one() {
    // So many accounts that the engine looks ahead; see ahead.rs.
    let many: Vec<u8> =
        (1_000..11_000).flat_map(|account| frame(5, 0, 0, 0, Body::default().u64(account).i64(-1))).collect();
    for seed in 40..44 {
        let mut dice = Dice(seed);
        let mut venue = crowd();
        venue.engine.apply(venue.engine.sequence() + 1, venue.engine.time_us(), &many).unwrap();
        let mut other = Engine::restore(&venue.engine.snapshot()).unwrap();
        for batch in 0..60 {
            let time_us = venue.engine.time_us() + 1_000;
            let first = venue.engine.sequence() + 1;
            let mut commands: Vec<Vec<u8>> =
                (0..50).map(|number| random_command(&mut dice, batch * 50 + number, time_us)).collect();
            for command in &mut commands {
                let at = 40 + dice.below(command.len() - 39);
                if let Some(byte) = command.get_mut(at).filter(|_| dice.hits(25)) {
                    *byte ^= 1 << dice.below(8);
                }
            }
            let output = venue.engine.apply(first, time_us, &commands.concat()).unwrap();
            let mut events = output.events;
            for (number, command) in (0..).zip(&commands) {
                let alone = other.apply(first + number, time_us, command).unwrap().events;
                let (head, rest) = events.split_at(alone.len());
                assert_eq!(head, alone, "seed {seed}, command {number} of batch {batch}");
                events = rest;
            }
            assert!(events.is_empty());
        }
        venue.engine.audit().unwrap();
        assert_eq!(other.snapshot(), venue.engine.snapshot());
    }
}

#[test]
fn random_bytes_are_decided_not_fatal() {
    let mut dice = Dice(15);
    let mut venue = crowd();
    for _ in 0..8_000 {
        let mut bytes: Vec<u8> = (0..41 + dice.below(260)).map(|_| dice.code(0, 256)).collect();
        let length = u32::try_from(bytes.len()).unwrap();
        bytes[..4].copy_from_slice(&length.to_le_bytes());
        bytes[4..8].copy_from_slice(&[dice.code(0, 33), 0, dice.code(1, 2), 0]);
        let (sequence, time_us) = (venue.engine.sequence() + 1, venue.engine.time_us());
        venue.engine.apply(sequence, time_us, &bytes).unwrap();
    }
    venue.engine.audit().unwrap();
}

#[test]
fn extreme_numbers_are_decided_not_fatal() {
    let extremes = [i64::MIN, -1, 0, 1, UNIT / 100, UNIT, i64::MAX / UNIT * UNIT, i64::MAX];
    let mut venue = crowd();
    venue.trade_at(100);
    for (number, first) in extremes.into_iter().enumerate() {
        for second in extremes {
            for kind in 1..8 {
                let extension = Extension {
                    stop: (kind > 3).then_some(first),
                    delta: (number % 2 == 0).then_some(second as u32),
                    iceberg: (number % 3 == 0).then_some(second),
                    peg: None,
                    expires_us: (number % 4 == 0).then_some(first),
                };
                venue.place_extended(Ask { kind, price: second, quantity: first, ..limit(ALICE, 1, 0, 0) }, extension);
                venue.place_extended(Ask { kind, price: first, ..limit(BOB, 2, 1, 0) }, extension);
            }
            venue.send(23, Body::default().u64(ALICE).u32(0).i64(first));
            venue.send(24, Body::default().u32(1).i64(first).i64(second));
            venue.send(27, Body::default().u32(1).i64(first));
            venue.send(30, Body::default().u32(1).i128(i128::from(first) * i128::from(second)));
            venue.amend(ALICE, 1, first / UNIT);
            let rules = Rules { features: ALL_FEATURES, range: (first, second), ..Rules::default() };
            venue.send(21, rules.body());
        }
    }
    venue.advance(i64::MAX);
    venue.send_frame_at(i64::MAX, &frame(23, 0, 0, 0, Body::default().u64(ALICE).u32(0).i64(60_000_000)));
    assert_eq!(venue.engine.due_us(), Some(i64::MAX));
}

/// A state in which everything that an order can have is there.
fn crowded(seed: u64) -> Venue {
    let mut dice = Dice(seed);
    let mut venue = crowd();
    for number in 0..220 {
        let command = random_command(&mut dice, number, venue.engine.time_us() + 1_000_000_000);
        venue.send_frame(&command);
    }
    venue
}

#[test]
fn a_torn_snapshot_is_refused() {
    let bytes = crowded(31).engine.snapshot();
    for length in 0..bytes.len() {
        assert!(Engine::restore(&bytes[..length]).is_err());
    }
    assert!(Engine::restore(&[&bytes[..], &[0]].concat()).is_err());
}

#[test]
fn a_flipped_snapshot_is_refused_or_is_another_sound_state() {
    for seed in [32, 33] {
        let bytes = crowded(seed).engine.snapshot();
        let mut dice = Dice(seed);
        let mut accepted = 0;
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let Ok(mut engine) = Engine::restore(&flipped) else { continue };
            accepted += 1;
            assert_eq!(engine.snapshot(), flipped);
            let time_us = engine.time_us();
            let more: Vec<u8> = (300..312).flat_map(|number| random_command(&mut dice, number, time_us)).collect();
            let sequence = engine.sequence() + 1;
            engine.apply(sequence, time_us.saturating_add(1_000), &more).unwrap();
            engine.audit().unwrap();
        }
        assert!(accepted > 0);
    }
}
