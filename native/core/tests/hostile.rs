//! No bytes stop the engine: what it does not understand it rejects, and its invariants hold.

mod venue;

use openbourse_core::{Engine, UNIT};
use venue::dice::Dice;
use venue::{ALICE, Ask, BOB, BY_QUOTE, Body, Venue, cancel_head, frame, limit};

fn random_order(dice: &mut Dice) -> Ask {
    let account = if dice.below(2) == 0 { ALICE } else { BOB };
    let mut ask = limit(account, dice.code(1, 2), 1 + dice.below(9) as i64, 95 + dice.below(11) as i64);
    ask.kind = [1, 1, 1, 2, 2, 3][dice.below(6)];
    ask.stp = dice.code(0, 5);
    if ask.kind == 1 {
        ask.tif = dice.code(1, 3);
    }
    if ask.kind == 2 {
        ask.price = 0;
        if dice.below(2) == 0 {
            ask.flags = BY_QUOTE;
            ask.quantity = 0;
            ask.quote = 1 + i128::from(dice.next() % (2_000 * UNIT as u64));
        }
    }
    ask
}

fn random_command(dice: &mut Dice, number: u64) -> Vec<u8> {
    let client_id = format!("c{}", number % 40);
    let (kind, body) = match dice.below(10) {
        0 => (13, cancel_head(ALICE).u64(dice.next() % (number + 1)).u8(0).text("").text("r")),
        1 => (13, cancel_head(BOB).u64(0).u8(dice.code(0, 3)).text(&client_id).text("")),
        2 if dice.below(10) == 0 => (14, Body::default().u64(ALICE).u32(0).text("")),
        3 => {
            let cancel = Body::default().u8(dice.code(1, 2)).u64(0).u8(0).text(&client_id).text("x");
            (15, cancel.join(random_order(dice).body(&client_id)))
        }
        _ => (12, random_order(dice).body(&client_id)),
    };
    frame(kind, 1 + number % 3, number + 1, number.saturating_sub(50), body)
}

/// A stream of valid commands that trade, cancel and replace.
fn stream(seed: u64, count: u64) -> Vec<Vec<u8>> {
    let mut dice = Dice(seed);
    (0..count).map(|number| random_command(&mut dice, number)).collect()
}

#[test]
fn invariants_hold_and_snapshots_return_through_random_trading() {
    for seed in 0..4 {
        let mut venue = Venue::open();
        for (number, command) in stream(seed, 1_500).iter().enumerate() {
            venue.send_frame(command);
            if number % 250 == 0 {
                let bytes = venue.engine.snapshot();
                let restored = Engine::restore(&bytes).unwrap();
                assert_eq!(restored.snapshot(), bytes);
                venue.engine = restored;
            }
        }
    }
}

#[test]
fn a_restored_engine_and_a_clone_go_on_alike() {
    let mut venue = Venue::open();
    let commands = stream(9, 800);
    commands[..400].iter().for_each(|command| drop(venue.send_frame(command)));
    let mut others = [Engine::restore(&venue.engine.snapshot()).unwrap(), venue.engine.clone()];
    let rest = commands[400..].concat();
    let (sequence, time_us) = (venue.engine.sequence() + 1, venue.engine.time_us());
    let output = venue.engine.apply(sequence, time_us, &rest).unwrap();
    let expected = (output.events.to_vec(), output.ends.to_vec());
    for other in &mut others {
        let output = other.apply(sequence, time_us, &rest).unwrap();
        assert_eq!((output.events, output.ends), (&expected.0[..], &expected.1[..]));
        assert_eq!(other.snapshot(), venue.engine.snapshot());
    }
}

#[test]
fn flipped_and_torn_commands_are_decided_not_fatal() {
    let mut dice = Dice(77);
    let mut venue = Venue::open();
    for command in stream(3, 3_000) {
        let mut bytes = command.clone();
        for _ in 0..dice.below(4) {
            let at = dice.below(bytes.len());
            bytes[at] ^= 1 << dice.below(8);
        }
        if dice.below(8) == 0 {
            bytes.truncate(1 + dice.below(command.len()));
        }
        let (sequence, time_us) = (venue.engine.sequence() + 1, venue.engine.time_us() + 1);
        venue.engine.apply(sequence, time_us, &bytes).unwrap();
        venue.engine.audit().unwrap();
    }
}

#[test]
fn random_bytes_are_malformed_commands() {
    let mut dice = Dice(5);
    let mut venue = Venue::open();
    for _ in 0..5_000 {
        let mut bytes: Vec<u8> = (0..1 + dice.below(200)).map(|_| dice.code(0, 256)).collect();
        if bytes.len() > 50 {
            // Let the header through, so that bodies of every kind are tried.
            let length = u32::try_from(bytes.len()).unwrap();
            bytes[..4].copy_from_slice(&length.to_le_bytes());
            bytes[4..8].copy_from_slice(&[dice.code(0, 20), 0, 1, 0]);
        }
        let (sequence, time_us) = (venue.engine.sequence() + 1, venue.engine.time_us());
        venue.engine.apply(sequence, time_us, &bytes).unwrap();
    }
    venue.engine.audit().unwrap();
}

#[test]
fn extreme_numbers_are_decided_not_fatal() {
    let extremes = [i64::MIN, -1, 0, 1, UNIT, i64::MAX / UNIT * UNIT, i64::MAX];
    let mut venue = Venue::open();
    for price in extremes {
        for quantity in extremes {
            for (kind, flags, quote) in [(1, 0, 0), (2, 0, 0), (3, 0, 0), (2, BY_QUOTE, i128::MAX), (2, BY_QUOTE, 1)] {
                venue.place(Ask { kind, flags, quote, price, quantity, ..limit(ALICE, 1, 0, 0) });
            }
        }
    }
    for amount in [i128::MIN, -1, 0, 1, (1 << 96) - 1, 1 << 96, i128::MAX] {
        let identity = Body(amount.to_le_bytes().repeat(2));
        venue.send(8, Body::default().u64(ALICE).u32(1).i128(amount).join(identity));
        venue.send(9, Body::default().u64(ALICE).u32(1).i128(amount).u64(1));
    }
}

#[test]
fn a_torn_or_lengthened_snapshot_is_refused() {
    let mut venue = Venue::open();
    stream(1, 60).iter().for_each(|command| drop(venue.send_frame(command)));
    let bytes = venue.engine.snapshot();
    for length in 0..bytes.len() {
        assert!(Engine::restore(&bytes[..length]).is_err());
    }
    assert!(Engine::restore(&[&bytes[..], &[0]].concat()).is_err());
}

#[test]
fn a_flipped_snapshot_is_refused_or_is_another_sound_state() {
    let mut venue = Venue::open();
    stream(2, 80).iter().for_each(|command| drop(venue.send_frame(command)));
    let bytes = venue.engine.snapshot();
    let more = stream(4, 20).concat();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let Ok(mut engine) = Engine::restore(&flipped) else { continue };
        assert_eq!(engine.snapshot(), flipped);
        let (sequence, time_us) = (engine.sequence() + 1, engine.time_us());
        engine.apply(sequence, time_us, &more).unwrap();
        engine.audit().unwrap();
    }
}

#[test]
fn a_gap_or_a_step_back_in_time_changes_nothing() {
    let mut venue = Venue::open();
    let before = venue.engine.snapshot();
    let next = venue.engine.sequence() + 1;
    let now = venue.engine.time_us();
    let command = frame(16, 0, 0, 0, Body::default());
    assert!(venue.engine.apply(next + 1, now, &command).is_err());
    assert!(venue.engine.apply(next - 1, now, &command).is_err());
    assert!(venue.engine.apply(next, now - 1, &command).is_err());
    assert_eq!(venue.engine.apply(next, now + 1, &[]).unwrap().events.len(), 0);
    assert_eq!(venue.engine.snapshot(), before);
}

#[test]
fn a_snapshot_whose_orders_are_out_of_their_order_is_refused() {
    for second_price in [99, 100] {
        let mut venue = Venue::open();
        venue.place(limit(ALICE, 1, 1, 100));
        venue.place(limit(ALICE, 1, 1, second_price));
        let bytes = venue.engine.snapshot();
        let end_of = |client_id: &[u8]| bytes.windows(7).position(|window| window == client_id).unwrap() + 7;
        let (first_end, second_end) = (end_of(b"order-1"), end_of(b"order-2"));
        let length = second_end - first_end;
        let (first, second) = (first_end - length..first_end, first_end..second_end);
        let swapped = [&bytes[..first.start], &bytes[second], &bytes[first], &bytes[second_end..]].concat();
        assert!(Engine::restore(&bytes).is_ok());
        assert!(Engine::restore(&swapped).is_err());
    }
}
