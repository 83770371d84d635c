//! What the engine promises about order lists, auctions, switches and fees.

mod venue;

use openbourse_core::UNIT;
use venue::exotic::{
    Extension, INDICATED, OCO, OPO, OPOCO, OTO, OTOCO, STOP_LOSS, STOP_LOSS_LIMIT, at_stop, executions, good_till,
    list_updates,
};
use venue::{ALICE, Ask, BOB, BUY, Body, Event, LIMIT_MAKER, SELL, UPDATED, Venue, limit, market, trades, updates};

const CANCELED: u8 = 4;
const EXPIRED: u8 = 5;
const FILLED: u8 = 3;
const PENDING_NEW: u8 = 7;
const OCO_TRIGGER: u8 = 6;
const PHASE_ONE: u8 = 7;

const STARTED: u8 = 1;
const DONE: u8 = 3;

fn units(amount: i64) -> i128 {
    i128::from(amount) * i128::from(UNIT)
}

fn maker_only(side: u8, quantity: i64, price: i64) -> (Ask, Extension) {
    (Ask { kind: LIMIT_MAKER, ..limit(ALICE, side, quantity, price) }, Extension::default())
}

fn stop_limit(side: u8, quantity: i64, price: i64) -> (Ask, Extension) {
    (Ask { kind: STOP_LOSS_LIMIT, ..limit(ALICE, side, quantity, price) }, at_stop(price))
}

fn plain(ask: Ask) -> (Ask, Extension) {
    (ask, Extension::default())
}

fn helds(events: &[Event]) -> Vec<i128> {
    events.iter().filter(|event| event.kind == UPDATED).map(Event::held).collect()
}

#[test]
fn one_leg_of_a_pair_that_starts_ends_the_other() {
    let mut venue = Venue::open_exotic();
    venue.trade_at(100);
    let placed = venue.place_list(OCO, &[stop_limit(BUY, 2, 110), maker_only(BUY, 2, 90)]);
    assert_eq!((placed[0].kind, list_updates(&placed)), (20, vec![STARTED]));
    assert_eq!(helds(&placed), [units(220), 0]);
    let taken = venue.place(limit(BOB, SELL, 1, 90));
    assert_eq!(updates(&taken)[1..3], [(3, EXPIRED, 4, OCO_TRIGGER), (4, 2, 3, 0)]);
    assert_eq!(helds(&taken)[2], units(90));
    assert_eq!(list_updates(&venue.place(limit(BOB, SELL, 1, 90))), [DONE]);
}

#[test]
fn a_pair_whose_stop_fires_withdraws_its_limit() {
    let mut venue = Venue::open_exotic();
    venue.trade_at(100);
    venue.place_list(OCO, &[maker_only(SELL, 2, 110), stop_limit(SELL, 2, 90)]);
    let fired = venue.trade_at(90);
    let ours: Vec<_> = updates(&fired).into_iter().filter(|update| update.0 == 3 || update.0 == 4).collect();
    assert_eq!(ours, [(3, EXPIRED, 4, OCO_TRIGGER), (4, 1, 6, 0)]);
    let canceled = venue.cancel(ALICE, 4);
    assert_eq!((updates(&canceled), list_updates(&canceled)), (vec![(4, CANCELED, 2, 0)], vec![DONE]));
}

#[test]
fn a_pair_is_canceled_and_amended_together() {
    let mut venue = Venue::open_exotic();
    venue.trade_at(100);
    venue.place_list(OCO, &[stop_limit(BUY, 4, 110), maker_only(BUY, 4, 90)]);
    let amended = venue.amend(ALICE, 4, 2);
    assert_eq!(executions(&amended), [(4, 7), (3, 7)]);
    assert_eq!((helds(&amended), list_updates(&amended)), (vec![0, units(220)], vec![2]));
    let canceled = venue.cancel(ALICE, 4);
    assert_eq!(updates(&canceled), [(3, CANCELED, 2, 0), (4, CANCELED, 2, 0)]);
    assert_eq!(list_updates(&canceled), [DONE]);
}

#[test]
fn a_pair_must_lie_around_the_last_price() {
    let mut venue = Venue::open_exotic();
    venue.trade_at(100);
    assert_eq!(venue.place_list(OCO, &[maker_only(SELL, 2, 110), stop_limit(SELL, 2, 101)])[0].reason(), 62);
    assert_eq!(venue.place_list(OCO, &[maker_only(SELL, 2, 110), stop_limit(SELL, 3, 90)])[0].reason(), 61);
    assert_eq!(venue.place_list(OCO, &[stop_limit(SELL, 2, 110), maker_only(SELL, 2, 90)])[0].reason(), 61);
}

#[test]
fn a_pending_order_begins_when_the_working_one_is_filled() {
    let mut venue = Venue::open_exotic();
    let placed = venue.place_list(OTO, &[plain(limit(ALICE, BUY, 2, 100)), plain(limit(ALICE, SELL, 3, 120))]);
    assert_eq!(updates(&placed), [(1, 1, 1, 0), (2, PENDING_NEW, 1, 0)]);
    assert_eq!(updates(&venue.place(limit(BOB, SELL, 1, 100))).len(), 3);
    let filled = venue.place(limit(BOB, SELL, 1, 100));
    assert_eq!(updates(&filled), [(4, 1, 1, 0), (1, FILLED, 3, 0), (4, FILLED, 3, 0), (2, 1, 1, 0)]);
    assert_eq!(helds(&filled)[3], units(3));
}

#[test]
fn a_pending_order_ends_with_the_working_one() {
    let mut venue = Venue::open_exotic();
    let now = venue.engine.time_us();
    let legs = [(limit(ALICE, BUY, 2, 100), good_till(now + 50_000)), plain(market(ALICE, SELL, 3))];
    venue.place_list(OTO, &legs);
    let ended = venue.advance(now + 50_000);
    assert_eq!(updates(&ended), [(1, EXPIRED, 4, 9), (2, EXPIRED, 4, PHASE_ONE)]);
    assert_eq!(list_updates(&ended), [DONE]);
    venue.place_list(OTOCO, &[legs[0], maker_only(SELL, 1, 120), stop_limit(SELL, 1, 80)]);
    let now = venue.engine.time_us();
    venue.place_list(OTOCO, &[plain(limit(ALICE, BUY, 2, 100)), maker_only(SELL, 1, 120), stop_limit(SELL, 1, 80)]);
    let canceled = venue.cancel(ALICE, 4);
    let ids: Vec<_> = updates(&canceled).iter().map(|update| (update.0, update.1)).collect();
    assert_eq!(ids, [(3, CANCELED), (4, CANCELED), (5, CANCELED)]);
    assert!(venue.engine.time_us() > now);
}

#[test]
fn what_was_bought_is_sold_by_the_pending_orders() {
    let mut venue = Venue::open_exotic();
    venue.place_list(OPO, &[plain(limit(ALICE, BUY, 2, 100)), plain(limit(ALICE, SELL, 0, 120))]);
    let filled = venue.place(limit(BOB, SELL, 2, 100));
    let begun = filled.iter().rfind(|event| event.kind == UPDATED).unwrap();
    // The maker's fee of 0.1 % leaves 1.998, which is 1.99 in whole steps.
    assert_eq!((begun.update(), begun.i64_at(36)), ((2, 1, 1, 0), 199 * UNIT / 100));
    venue.place_list(
        OPOCO,
        &[
            plain(limit(ALICE, BUY, 2, 100)),
            maker_only(SELL, 0, 130),
            (Ask { kind: STOP_LOSS, ..market(ALICE, SELL, 0) }, at_stop(80)),
        ],
    );
    let filled = venue.place(limit(BOB, SELL, 2, 100));
    assert_eq!(helds(&filled)[3..], [units(199) / 100, 0]);
    let stopped = venue.trade_at(80);
    assert!(updates(&stopped).contains(&(5, EXPIRED, 4, OCO_TRIGGER)));
}

#[test]
fn a_list_is_canceled_by_its_own_id() {
    let mut venue = Venue::open_exotic();
    venue.place_list(OTO, &[plain(limit(ALICE, BUY, 2, 100)), plain(limit(ALICE, SELL, 3, 120))]);
    let cancel = |list: u64, client_id: &str| Body::default().u64(ALICE).u32(1).u64(list).text(client_id).text("r");
    assert_eq!(venue.send(20, cancel(1, "other"))[0].reason(), 65);
    assert_eq!(venue.send(20, cancel(0, ""))[0].reason(), 65);
    let canceled = venue.send(20, cancel(0, "list-1"));
    assert_eq!((updates(&canceled).len(), list_updates(&canceled)), (2, vec![DONE]));
    assert_eq!(venue.send(20, cancel(1, ""))[0].reason(), 65);
}

#[test]
fn an_auction_collects_announces_and_trades_at_one_price() {
    let mut venue = Venue::open_exotic();
    let indicated = |events: &[Event]| {
        let found = events.iter().find(|event| event.kind == INDICATED);
        found.map(|event| (event.i64_at(4) / UNIT, event.i128_at(12), event.i128_at(28)))
    };
    assert_eq!(indicated(&venue.set_status(5)), Some((0, 0, 0)));
    assert_eq!(venue.place(market(ALICE, BUY, 1))[0].reason(), 45);
    venue.place(limit(BOB, SELL, 3, 95));
    let crossed = venue.place(limit(ALICE, BUY, 5, 105));
    assert_eq!((trades(&crossed), indicated(&crossed)), (vec![], Some((95, units(3), units(2)))));
    assert_eq!(indicated(&venue.place(limit(BOB, SELL, 4, 100))), Some((100, units(5), units(-2))));
    assert_eq!(indicated(&venue.place(limit(BOB, SELL, 1, 200))), None);
    let opened = venue.set_status(1);
    assert_eq!((trades(&opened), indicated(&opened)), (vec![(100, 3), (100, 2)], None));
    assert_eq!(helds(&opened)[2..], [0, units(2)]);
}

#[test]
fn a_killed_account_loses_its_orders_and_places_none() {
    let mut venue = Venue::open_exotic();
    venue.place(limit(ALICE, BUY, 1, 100));
    let killed = venue.send(22, Body::default().u64(ALICE).u8(1));
    assert_eq!((killed[0].kind, updates(&killed)), (22, vec![(1, CANCELED, 2, 0)]));
    assert_eq!(venue.place(limit(ALICE, BUY, 1, 100))[0].reason(), 37);
    venue.send(22, Body::default().u64(ALICE).u8(0));
    assert_eq!(updates(&venue.place(limit(ALICE, BUY, 1, 100))).len(), 1);
    assert_eq!(venue.send(22, Body::default().u64(1).u8(1))[0].reason(), 8);
}

#[test]
fn a_missed_heartbeat_cancels_what_it_covers() {
    let mut venue = Venue::open_exotic();
    venue.place(limit(ALICE, BUY, 1, 100));
    venue.place(limit(BOB, BUY, 1, 100));
    venue.send(23, Body::default().u64(ALICE).u32(0).i64(60_000_000));
    let due_us = venue.engine.due_us().unwrap();
    let missed = venue.advance(due_us);
    assert_eq!((missed[1].kind, updates(&missed)), (24, vec![(1, CANCELED, 2, 0)]));
    assert_eq!(venue.engine.due_us(), None);
}

#[test]
fn tiers_and_the_discount_asset_lower_what_is_paid() {
    let mut venue = Venue::open_exotic();
    venue.send(24, Body::default().u32(3).i64(50_000).i64(100_000));
    venue.send(25, Body::default().u64(ALICE).u32(3));
    assert_eq!(venue.send(25, Body::default().u64(ALICE).u32(4))[0].reason(), 71);
    assert_eq!(venue.send(24, Body::default().u32(3).i64(-1).i64(-1))[0].reason(), 8);
    let paid = |events: &[Event]| {
        let event = events.iter().rfind(|event| event.kind == UPDATED).unwrap();
        (event.i128_at(124), event.body[140])
    };
    venue.place(limit(BOB, SELL, 1, 100));
    assert_eq!(paid(&venue.place(limit(ALICE, BUY, 1, 100))), (units(1) / 1_000, 1));
    // Three quarters of the commission, in quote at a price of 100 quote a base.
    venue.send(26, Body::default().u32(2).i64(75 * UNIT / 100));
    venue.send(27, Body::default().u32(1).i64(UNIT / 100));
    venue.send(28, Body::default().u64(ALICE).u8(1));
    venue.place(limit(BOB, SELL, 1, 100));
    assert_eq!(paid(&venue.place(limit(ALICE, BUY, 1, 100))), (units(75) / 1_000, 2));
}
