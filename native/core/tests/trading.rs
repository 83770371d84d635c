//! What the engine promises about orders: priority, holds, fees, prevention, how orders end.

mod venue;

use openbourse_core::UNIT;
use venue::{
    ALICE, Ask, BOB, BUY, Body, DUPLICATE, FOK, IOC, LEVEL, LIMIT_MAKER, REPLACED, SELL, UPDATED, Venue, by_quote,
    cancel_head, frame, limit, market, trades, updates,
};

const NEW: u8 = 1;
const PARTLY: u8 = 2;
const FILLED: u8 = 3;
const CANCELED: u8 = 4;
const EXPIRED: u8 = 5;
const EXPIRED_IN_MATCH: u8 = 6;

fn units(amount: i64) -> i128 {
    i128::from(amount) * i128::from(UNIT)
}

fn held_last(events: &[venue::Event]) -> i128 {
    events.iter().rfind(|event| event.kind == UPDATED).unwrap().held()
}

#[test]
fn fills_go_by_price_then_by_arrival() {
    let mut venue = Venue::open();
    for (quantity, price) in [(1, 102), (2, 101), (3, 101), (4, 100)] {
        venue.place(limit(BOB, SELL, quantity, price));
    }
    let events = venue.place(limit(ALICE, BUY, 8, 101));
    assert_eq!(trades(&events), [(100, 4), (101, 2), (101, 2)]);
    let ends: Vec<_> = updates(&events).iter().map(|update| (update.0, update.1)).collect();
    assert_eq!(ends, [(5, NEW), (4, FILLED), (5, PARTLY), (2, FILLED), (5, PARTLY), (3, PARTLY), (5, FILLED)]);
    let levels: Vec<_> = events.iter().filter(|event| event.kind == LEVEL).map(|event| event.i128_at(21)).collect();
    assert_eq!(levels, [0, units(1)]);
}

#[test]
fn a_better_price_gives_back_the_rest_of_the_hold() {
    let mut venue = Venue::open();
    venue.place(limit(BOB, SELL, 1, 90));
    let events = venue.place(limit(ALICE, BUY, 3, 100));
    assert_eq!(events[0].held(), units(300));
    assert_eq!(held_last(&events), units(200));
    let events = venue.cancel(ALICE, 2);
    assert_eq!(updates(&events), [(2, CANCELED, 2, 0)]);
    assert_eq!(held_last(&events), 0);
}

#[test]
fn each_side_pays_its_own_rate_and_the_house_collects() {
    let mut venue = Venue::open();
    venue.place(limit(BOB, SELL, 10, 100));
    let events = venue.place(limit(ALICE, BUY, 10, 100));
    let commissions = events.iter().filter(|event| event.kind == UPDATED).map(|event| event.i128_at(124));
    let commissions: Vec<_> = commissions.collect();
    // Maker sells: 0.1 % of 1,000 quote. Taker buys: 0.2 % of 10 base.
    assert_eq!(commissions, [0, units(1), units(2) / 100]);
}

#[test]
fn what_is_not_there_cannot_be_held() {
    let mut venue = Venue::open();
    assert_eq!(venue.place(limit(ALICE, BUY, 10_001, 100))[0].reason(), 31);
    assert_eq!(updates(&venue.place(limit(ALICE, BUY, 10_000, 100))), [(1, NEW, 1, 0)]);
    assert_eq!(venue.place(limit(ALICE, BUY, 1, 1))[0].reason(), 31);
}

#[test]
fn fill_or_kill_fills_whole_or_not_at_all() {
    let mut venue = Venue::open();
    venue.place(limit(BOB, SELL, 2, 100));
    let killed = venue.place(Ask { tif: FOK, ..limit(ALICE, BUY, 3, 100) });
    assert_eq!(updates(&killed), [(2, NEW, 1, 0), (2, EXPIRED, 4, 2)]);
    assert_eq!(held_last(&killed), 0);
    let filled = venue.place(Ask { tif: FOK, ..limit(ALICE, BUY, 2, 100) });
    assert_eq!(trades(&filled), [(100, 2)]);
}

#[test]
fn immediate_or_cancel_never_rests() {
    let mut venue = Venue::open();
    venue.place(limit(BOB, SELL, 2, 100));
    let events = venue.place(Ask { tif: IOC, ..limit(ALICE, BUY, 3, 100) });
    assert_eq!(updates(&events).last(), Some(&(2, EXPIRED, 4, 1)));
    assert_eq!(venue.cancel(ALICE, 2)[0].reason(), 32);
}

#[test]
fn a_maker_only_order_never_takes() {
    let mut venue = Venue::open();
    venue.place(limit(BOB, SELL, 1, 100));
    assert_eq!(venue.place(Ask { kind: LIMIT_MAKER, ..limit(ALICE, BUY, 1, 100) })[0].reason(), 29);
    assert_eq!(updates(&venue.place(Ask { kind: LIMIT_MAKER, ..limit(ALICE, BUY, 1, 99) })), [(2, NEW, 1, 0)]);
}

#[test]
fn a_market_order_takes_what_there_is_and_expires() {
    let mut venue = Venue::open();
    venue.place(limit(BOB, SELL, 2, 100));
    venue.place(limit(BOB, SELL, 1, 110));
    let events = venue.place(market(ALICE, BUY, 5));
    assert_eq!(events[0].held(), units(310));
    assert_eq!(trades(&events), [(100, 2), (110, 1)]);
    assert_eq!(updates(&events).last(), Some(&(3, EXPIRED, 4, 3)));
}

#[test]
fn an_order_by_quote_spends_at_most_that() {
    let mut venue = Venue::open();
    venue.place(limit(BOB, SELL, 2, 100));
    venue.place(limit(BOB, SELL, 5, 150));
    let events = venue.place(by_quote(ALICE, BUY, 500));
    assert_eq!(trades(&events), [(100, 2), (150, 2)]);
    assert_eq!(updates(&events).last(), Some(&(3, FILLED, 3, 0)));
    assert_eq!(events[0].held(), units(500));
    let dry = venue.place(by_quote(ALICE, BUY, 1_000));
    let ends: Vec<_> = updates(&dry).iter().map(|update| (update.0, update.1)).collect();
    assert_eq!(ends, [(4, NEW), (2, FILLED), (4, PARTLY), (4, EXPIRED)]);
    assert_eq!(venue.place(by_quote(ALICE, BUY, 1_000))[0].reason(), 30);
}

#[test]
fn prevention_does_what_the_taker_asks() {
    let maker_and_taker = |stp: u8| {
        let mut venue = Venue::open();
        venue.place(limit(ALICE, SELL, 2, 100));
        venue.place(limit(BOB, SELL, 2, 100));
        let events = venue.place(Ask { stp, ..limit(ALICE, BUY, 3, 100) });
        (trades(&events), updates(&events))
    };
    let (traded, _) = maker_and_taker(0);
    assert_eq!(traded, [(100, 2), (100, 1)]);
    let (traded, updated) = maker_and_taker(1);
    assert_eq!(traded, [(100, 2)]);
    assert_eq!(updated[1], (1, EXPIRED_IN_MATCH, 5, 0));
    let (traded, updated) = maker_and_taker(2);
    assert_eq!((traded.len(), &updated[1..]), (0, &[(3, EXPIRED_IN_MATCH, 5, 0)][..]));
    let (traded, updated) = maker_and_taker(3);
    assert_eq!(traded.len(), 0);
    assert_eq!(updated[1..], [(1, EXPIRED_IN_MATCH, 5, 0), (3, EXPIRED_IN_MATCH, 5, 0)]);
    let (traded, updated) = maker_and_taker(4);
    assert_eq!(traded, [(100, 1)]);
    assert_eq!(updated[1..3], [(1, EXPIRED_IN_MATCH, 5, 0), (3, NEW, 5, 0)]);
}

#[test]
fn a_client_id_is_taken_while_its_order_is_open() {
    let mut venue = Venue::open();
    let body = limit(ALICE, BUY, 1, 100).body("mine");
    venue.send(12, body.clone());
    assert_eq!(venue.send(12, body.clone())[0].reason(), 28);
    let cancel = cancel_head(ALICE).u64(0).u8(0).text("mine").text("");
    assert_eq!(updates(&venue.send(13, cancel)), [(1, CANCELED, 2, 0)]);
    assert_eq!(updates(&venue.send(12, body)), [(2, NEW, 1, 0)]);
}

#[test]
fn cancel_all_goes_by_order_id() {
    let mut venue = Venue::open();
    for price in [103, 101, 102] {
        venue.place(limit(ALICE, BUY, 1, price));
    }
    let all = Body::default().u64(ALICE).u32(0).text("bye");
    let orders: Vec<_> = updates(&venue.send(14, all.clone())).iter().map(|update| update.0).collect();
    assert_eq!(orders, [1, 2, 3]);
    assert_eq!(venue.send(14, all)[0].reason(), 32);
}

#[test]
fn cancel_replace_stops_or_goes_on_as_told() {
    let mut venue = Venue::open();
    venue.place(limit(ALICE, BUY, 1, 100));
    let replace = |mode: u8, order: u64, client_id: &str| {
        let cancel = Body::default().u8(mode).u64(order).u8(0).text("").text("");
        cancel.join(limit(ALICE, BUY, 1, 99).body(client_id))
    };
    let results = |events: &[venue::Event]| {
        let replaced = events.iter().find(|event| event.kind == REPLACED).unwrap();
        (replaced.body[0], replaced.body[3], replaced.u64_at(6), replaced.u64_at(14))
    };
    assert_eq!(results(&venue.send(15, replace(1, 1, "second"))), (1, 1, 1, 2));
    assert_eq!(results(&venue.send(15, replace(1, 1, "third"))), (2, 3, 0, 0));
    assert_eq!(results(&venue.send(15, replace(2, 1, "third"))), (2, 1, 0, 3));
    assert_eq!(results(&venue.send(15, replace(2, 2, "third"))), (1, 2, 2, 0));
}

#[test]
fn a_resent_command_gets_its_first_place() {
    let mut venue = Venue::open();
    let first = venue.engine.sequence() + 1;
    let sent = frame(12, 7, 5, 5, limit(ALICE, BUY, 1, 100).body("once"));
    assert_eq!(updates(&venue.send_frame(&sent)), [(1, NEW, 1, 0)]);
    let again = venue.send_frame(&sent);
    assert_eq!((again[0].kind, again[0].u64_at(0), again.len()), (DUPLICATE, first, 1));
    venue.send_frame(&frame(16, 7, 9, 9, Body::default()));
    assert_eq!(venue.send_frame(&sent)[0].reason(), 2);
}
