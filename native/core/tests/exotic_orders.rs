//! What the engine promises about stops, trailing orders, icebergs, pegs, ranges, amendments and time.

mod venue;

use openbourse_core::UNIT;
use venue::exotic::{
    ALL_FEATURES, Extension, Rules, STOP_LOSS, STOP_LOSS_LIMIT, TAKE_PROFIT_LIMIT, at_stop, executions, good_till,
    iceberg, pegged, trailing,
};
use venue::{
    ALICE, Ask, BOB, BUY, Body, Event, FOK, IOC, LEVEL, LIMIT_MAKER, SELL, TRADED, UPDATED, Venue, by_quote,
    cancel_head, frame, limit, market, trades, updates,
};

const NEW: u8 = 1;
const TRADE: u8 = 3;
const EXPIRED: u8 = 5;
const EXPIRED_IN_MATCH: u8 = 6;
const TRIGGERED: u8 = 6;
const REJECTED: u8 = 4;
const RANGE: u8 = 8;
const GOOD_TILL: u8 = 9;

fn units(amount: i64) -> i128 {
    i128::from(amount) * i128::from(UNIT)
}

fn last_update(events: &[Event]) -> &Event {
    events.iter().rfind(|event| event.kind == UPDATED).unwrap()
}

fn stop_market(side: u8, quantity: i64) -> Ask {
    Ask { kind: STOP_LOSS, ..market(ALICE, side, quantity) }
}

#[test]
fn a_stop_waits_and_works_when_its_price_trades() {
    let mut venue = Venue::open_exotic();
    venue.trade_at(100);
    assert_eq!(venue.place_extended(stop_market(SELL, 2), at_stop(100))[0].reason(), 58);
    let placed = venue.place_extended(stop_market(SELL, 2), at_stop(95));
    assert_eq!(updates(&placed), [(3, NEW, 1, 0)]);
    assert_eq!((last_update(&placed).held(), last_update(&placed).body[27]), (units(2), 0));
    venue.place(limit(BOB, BUY, 3, 94));
    assert_eq!(executions(&venue.trade_at(96)), [(6, 1), (5, TRADE), (6, TRADE)]);
    let fired = venue.trade_at(95);
    assert_eq!(trades(&fired), [(95, 1), (94, 2)]);
    assert!(executions(&fired).contains(&(3, TRIGGERED)));
}

#[test]
fn a_stop_that_cannot_pay_when_it_fires_is_rejected() {
    let mut venue = Venue::open_exotic();
    venue.trade_at(100);
    let stop = Ask { price: 0, ..stop_market(BUY, 9_000) };
    assert_eq!(updates(&venue.place_extended(stop, at_stop(110))), [(3, NEW, 1, 0)]);
    venue.place(limit(BOB, SELL, 9_001, 200));
    venue.place(limit(BOB, SELL, 1, 110));
    let events = venue.place(limit(ALICE, BUY, 1, 110));
    assert_eq!(updates(&events).last(), Some(&(3, EXPIRED, 4, REJECTED)));
    assert_eq!(last_update(&events).held(), 0);
}

#[test]
fn what_fires_together_works_in_the_order_of_ids() {
    let mut venue = Venue::open_exotic();
    venue.trade_at(100);
    for (price, stop) in [(90, 97), (91, 99), (92, 98)] {
        venue.place_extended(Ask { kind: STOP_LOSS_LIMIT, ..limit(ALICE, SELL, 1, price) }, at_stop(stop));
    }
    let fired = venue.trade_at(95);
    let triggered = executions(&fired).into_iter().filter(|update| update.1 == TRIGGERED);
    assert_eq!(triggered.map(|update| update.0).collect::<Vec<_>>(), [3, 4, 5]);
    assert_eq!(venue.engine.due_us(), None);
}

#[test]
fn one_fired_stop_fires_the_next() {
    let mut venue = Venue::open_exotic();
    venue.trade_at(100);
    for (stop, bid) in [(95, 90), (90, 85), (85, 80)] {
        venue.place_extended(stop_market(SELL, 1), at_stop(stop));
        venue.place(limit(BOB, BUY, 1, bid));
    }
    let fired = venue.trade_at(95);
    assert_eq!(trades(&fired), [(95, 1), (90, 1), (85, 1), (80, 1)]);
}

#[test]
fn a_trailing_stop_follows_the_best_price() {
    let mut venue = Venue::open_exotic();
    assert_eq!(venue.place_extended(stop_market(SELL, 1), trailing(1_000))[0].reason(), 60);
    venue.trade_at(100);
    venue.place_extended(stop_market(SELL, 1), trailing(1_000));
    venue.place(limit(BOB, BUY, 5, 50));
    venue.trade_at(120);
    assert!(!executions(&venue.trade_at(109)).contains(&(3, TRIGGERED)));
    assert!(executions(&venue.trade_at(108)).contains(&(3, TRIGGERED)));
}

#[test]
fn a_trailing_order_with_a_stop_price_begins_to_follow_there() {
    let mut venue = Venue::open_exotic();
    venue.trade_at(100);
    let extension = Extension { delta: Some(500), ..at_stop(110) };
    let profit = Ask { kind: TAKE_PROFIT_LIMIT, ..limit(ALICE, SELL, 1, 90) };
    venue.place_extended(profit, extension);
    assert!(!executions(&venue.trade_at(94)).contains(&(3, TRIGGERED)));
    venue.trade_at(110);
    assert!(!executions(&venue.trade_at(105)).contains(&(3, TRIGGERED)));
    assert!(executions(&venue.trade_at(104)).contains(&(3, TRIGGERED)));
}

#[test]
fn an_iceberg_shows_one_part_and_goes_to_the_end_with_the_next() {
    let mut venue = Venue::open_exotic();
    let placed = venue.place_extended(limit(ALICE, SELL, 5, 100), iceberg(2));
    let level = placed.iter().find(|event| event.kind == LEVEL).unwrap();
    assert_eq!(level.i128_at(21), units(2));
    venue.place(Ask { stp: 0, ..limit(ALICE, SELL, 3, 100) });
    let taken = venue.place(limit(BOB, BUY, 7, 100));
    let makers: Vec<_> = taken.iter().filter(|event| event.kind == TRADED).map(|event| event.u64_at(52)).collect();
    assert_eq!(makers, [1, 2, 1]);
    assert_eq!(trades(&taken), [(100, 2), (100, 3), (100, 2)]);
    let killed = venue.place(Ask { tif: FOK, ..limit(BOB, BUY, 2, 100) });
    assert_eq!(updates(&killed).last(), Some(&(4, EXPIRED, 4, 2)));
    assert_eq!(trades(&venue.place(Ask { tif: FOK, ..limit(BOB, BUY, 1, 100) })), [(100, 1)]);
}

#[test]
fn an_iceberg_must_be_a_part() {
    let mut venue = Venue::open_exotic();
    assert_eq!(venue.place_extended(limit(ALICE, SELL, 2, 100), iceberg(2))[0].reason(), 48);
    assert_eq!(venue.place_extended(limit(ALICE, SELL, 1_002, 100), iceberg(1))[0].reason(), 49);
    assert_eq!(venue.place_extended(Ask { tif: IOC, ..limit(ALICE, SELL, 2, 100) }, iceberg(1))[0].reason(), 21);
}

#[test]
fn a_pegged_order_takes_the_price_of_a_level() {
    let mut venue = Venue::open_exotic();
    let unpriced = Ask { price: 0, ..limit(ALICE, BUY, 1, 0) };
    assert_eq!(venue.place_extended(unpriced, pegged(1, 0))[0].reason(), 59);
    venue.place(limit(BOB, BUY, 1, 99));
    venue.place(limit(BOB, BUY, 1, 98));
    let placed = venue.place_extended(unpriced, pegged(1, 1));
    assert_eq!((placed[0].i64_at(28), placed[0].held()), (98 * UNIT, units(98)));
    venue.place(limit(BOB, SELL, 1, 101));
    assert_eq!(trades(&venue.place_extended(Ask { tif: IOC, ..unpriced }, pegged(2, 0))), [(101, 1)]);
}

#[test]
fn a_taker_ends_where_the_range_ends() {
    let mut venue = Venue::open_exotic();
    venue.trade_at(100);
    let range = (UNIT + UNIT / 10, UNIT - UNIT / 10);
    venue.set_rules(Rules { features: ALL_FEATURES, range, ..Rules::default() });
    for price in [105, 110, 111] {
        venue.place(limit(BOB, SELL, 1, price));
    }
    let taken = venue.place(limit(ALICE, BUY, 5, 120));
    assert_eq!(trades(&taken), [(105, 1), (110, 1)]);
    assert_eq!(updates(&taken).last(), Some(&(6, EXPIRED, 4, RANGE)));
    // The reference price is the last trade's now, so the rest is within.
    assert_eq!(trades(&venue.place(market(ALICE, BUY, 1))), [(111, 1)]);
    venue.place(limit(BOB, SELL, 1, 1_000));
    assert_eq!(venue.place(by_quote(ALICE, BUY, 2_000))[0].reason(), 30);
}

#[test]
fn an_amended_order_keeps_its_place_and_gives_back_its_hold() {
    let mut venue = Venue::open_exotic();
    venue.place(limit(ALICE, BUY, 5, 100));
    venue.place(limit(ALICE, BUY, 5, 100));
    let amended = venue.amend(ALICE, 1, 3);
    assert_eq!(updates(&amended), [(1, NEW, 7, 0)]);
    assert_eq!((amended[0].held(), amended[0].body[27] & 1), (units(300), 1));
    assert_eq!(venue.amend(ALICE, 1, 3)[0].reason(), 66);
    assert_eq!(venue.amend(ALICE, 1, 4)[0].reason(), 67);
    assert_eq!(venue.amend(BOB, 1, 2)[0].reason(), 32);
    let sold = venue.place(limit(BOB, SELL, 4, 100));
    let makers: Vec<_> = sold.iter().filter(|event| event.kind == TRADED).map(|event| event.u64_at(52)).collect();
    assert_eq!(makers, [1, 2]);
    assert_eq!(updates(&venue.amend(ALICE, 2, 1)), [(2, EXPIRED, 7, 0)]);
    assert_eq!(venue.cancel(ALICE, 2)[0].reason(), 32);
}

#[test]
fn an_order_good_till_a_time_ends_when_it_comes() {
    let mut venue = Venue::open_exotic();
    let now = venue.engine.time_us();
    assert_eq!(venue.place_extended(limit(ALICE, BUY, 1, 100), good_till(now))[0].reason(), 72);
    venue.place_extended(limit(ALICE, BUY, 1, 100), good_till(now + 1_000_000));
    assert_eq!(venue.engine.due_us(), Some(now + 1_000_000));
    assert_eq!(updates(&venue.advance(now + 999_999)), []);
    let ended = venue.advance(now + 1_000_000);
    assert_eq!(updates(&ended), [(1, EXPIRED, 4, GOOD_TILL)]);
    assert_eq!(venue.engine.due_us(), None);
}

#[test]
fn a_transfer_moves_goods_between_accounts_of_a_group_without_a_trade() {
    let mut venue = Venue::open_exotic();
    for account in [20, 21] {
        venue.send(5, Body::default().u64(account).i64(7));
        for asset in [1, 2] {
            let mut identity = [9; 32];
            identity[0] = account as u8;
            identity[1] = asset as u8;
            let body = Body::default().u64(account).u32(asset).i128(units(1_000));
            venue.send(8, body.join(Body(identity.to_vec())));
        }
    }
    venue.place(Ask { stp: 5, ..limit(20, SELL, 2, 90) });
    let events = venue.place(Ask { stp: 5, ..limit(21, BUY, 3, 100) });
    assert_eq!(updates(&events)[1..], [(1, EXPIRED_IN_MATCH, 5, 0), (2, NEW, 5, 0)]);
    assert_eq!(trades(&events), []);
    assert!(events.iter().filter(|event| event.kind == UPDATED).skip(1).all(|event| event.i64_at(92) == 90 * UNIT));
    let bought = events.iter().find(|event| event.kind == 17 && event.u64_at(0) == 21).unwrap();
    assert_eq!(bought.i128_at(44), units(2));
    assert_eq!(last_update(&events).held(), units(100));
}

#[test]
fn a_bound_position_leaves_room_for_what_is_bid() {
    let mut venue = Venue::open_exotic();
    let position_max = units(1_000_000 + 5);
    venue.set_rules(Rules { features: ALL_FEATURES, position_max, ..Rules::default() });
    venue.place(limit(ALICE, BUY, 3, 100));
    assert_eq!(venue.place(limit(ALICE, BUY, 3, 100))[0].reason(), 57);
    assert_eq!(updates(&venue.place(limit(ALICE, BUY, 2, 100))).len(), 1);
}

#[test]
fn features_are_off_until_they_are_offered() {
    let mut venue = Venue::open_exotic();
    venue.set_rules(Rules::default());
    let ask = limit(ALICE, BUY, 2, 100);
    let reasons = [iceberg(1), pegged(1, 0), good_till(i64::MAX)];
    let reasons = reasons.map(|extension| venue.place_extended(ask, extension)[0].reason());
    assert_eq!(reasons, [38, 40, 21]);
    assert_eq!(venue.place_extended(stop_market(SELL, 1), trailing(5))[0].reason(), 39);
    venue.place(ask);
    assert_eq!(venue.amend(ALICE, 1, 1)[0].reason(), 42);
    venue.set_rules(Rules { features: 512 | 1_024, ..Rules::default() });
    assert_eq!(venue.place(by_quote(ALICE, BUY, 5))[0].reason(), 44);
    let cancel = Body::default().u8(1).u64(1).u8(0).text("").text("");
    assert_eq!(venue.send(15, cancel.join(ask.body("new")))[0].reason(), 43);
}

#[test]
fn under_rules_1_nothing_of_rules_2_is_known() {
    let mut venue = Venue::open();
    let bodies: [(u16, Body); 3] =
        [(21, Rules::default().body()), (4, Body::default().u32(1).u8(5)), (24, Body::default().u32(1).i64(0).i64(0))];
    for (kind, body) in bodies {
        assert_eq!(venue.send(kind, body)[0].reason(), 1);
    }
    assert_eq!(venue.place(Ask { stp: 5, ..limit(ALICE, BUY, 1, 1) })[0].reason(), 1);
    assert_eq!(venue.place_extended(limit(ALICE, BUY, 1, 1), Extension::default())[0].reason(), 1);
    assert_eq!(venue.place(Ask { kind: LIMIT_MAKER, stp: 0, ..limit(ALICE, BUY, 1, 1) })[0].kind, UPDATED);
    assert_eq!(venue.engine.snapshot()[4], 1);
    venue.send(17, Body::default().u32(2));
    assert_eq!(venue.engine.snapshot()[4], 2);
    assert_eq!(venue.send(17, Body::default().u32(1))[0].reason(), 35);
    let cancel = cancel_head(ALICE).u64(1).u8(0).text("").text("");
    assert_eq!(updates(&venue.send_frame(&frame(13, 0, 0, 0, cancel))).len(), 1);
}
