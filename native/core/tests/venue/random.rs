//! Random commands of every kind under rules 2, most of them well formed.

use openbourse_core::UNIT;

use super::dice::Dice;
use super::exotic::{ALL_FEATURES, Extension, Rules, extended, frame_2};
use super::{ALICE, Ask, BOB, BY_QUOTE, Body, Venue, cancel_head, frame, limit};

const LEGS: [usize; 6] = [0, 2, 2, 3, 2, 3];

/// An extension that mostly fits the order.
fn random_extension(dice: &mut Dice, ask: &Ask, now: i64) -> Extension {
    let is_stop = ask.kind >= 4;
    let may_hide = !matches!(ask.kind, 2 | 4 | 6) && ask.tif == 1;
    let is_odd = dice.hits(80);
    let stop = if is_stop { !dice.hits(4) } else { is_odd };
    let trails = if is_stop { !stop || dice.hits(4) } else { is_odd };
    let part = (1 + dice.below(3) as i64) * UNIT;
    Extension {
        stop: stop.then(|| (90 + dice.below(21) as i64) * UNIT),
        delta: trails.then(|| 1 + dice.below(900) as u32),
        iceberg: (dice.hits(5) && (is_odd || (may_hide && ask.quantity > part))).then_some(part),
        peg: (dice.hits(8) && (is_odd || may_hide)).then(|| (if ask.kind == 3 { 1 } else { dice.code(1, 2) }, 0)),
        expires_us: (dice.hits(10) && (is_odd || may_hide)).then(|| now + 1 + dice.below(60_000) as i64),
    }
}

fn random_ask(dice: &mut Dice) -> Ask {
    let account = dice.of(&[ALICE, BOB, 20, 21]);
    let mut ask = limit(account, dice.code(1, 2), 1 + dice.below(9) as i64, 92 + dice.below(17) as i64);
    ask.kind = dice.of(&[1, 1, 1, 1, 2, 3, 4, 5, 5, 6, 7, 7]);
    ask.stp = dice.of(&[0, 1, 2, 3, 4, 5, 5, 255]);
    if matches!(ask.kind, 1 | 5 | 7) {
        ask.tif = dice.of(&[1, 1, 1, 2, 3]);
    }
    if matches!(ask.kind, 2 | 4 | 6) {
        ask.price = 0;
    }
    if ask.kind == 2 && dice.hits(3) {
        ask.flags = BY_QUOTE;
        ask.quantity = 0;
        ask.quote = 1 + i128::from(dice.next() % (2_000 * UNIT as u64));
    }
    ask
}

/// A list that is often well formed: a pair around 100, legs of one account.
fn random_list(dice: &mut Dice, name: &str, now: i64) -> Body {
    let form = dice.code(1, 5);
    let (account, side) = (dice.of(&[ALICE, BOB, 20, 21]), dice.code(1, 2));
    let quantity = 1 + dice.below(5) as i64;
    let legs = LEGS[usize::from(form)];
    let mut body = Body::default().u8(form).text(&format!("list-{}", dice.below(9))).u8(legs as u8);
    let first_pending = usize::from(form != 1);
    for leg in 0..legs {
        let is_working = leg < first_pending;
        let mut ask = Ask { account, ..random_ask(dice) };
        if is_working {
            ask.kind = dice.of(&[1, 1, 3]);
            ask.side = if form >= 4 { 1 } else { ask.side };
            ask.price = ask.price.max(95 * UNIT);
        } else if form != 2 && form != 4 {
            let is_above = leg == first_pending;
            let is_profit = is_above == (side == 2);
            ask.kind = if is_profit { dice.of(&[3, 6, 7]) } else { dice.of(&[4, 5]) };
            ask.side = if form == 5 { 2 } else { side };
            ask.quantity = quantity * UNIT;
            ask.price = (if is_above { 101 } else { 90 } + dice.below(9) as i64) * UNIT;
        }
        if !is_working && form >= 4 {
            ask.side = 2;
            ask.quantity = 0;
        }
        if ask.kind != 2 {
            (ask.flags, ask.quote) = (0, 0);
        }
        let mut extension = random_extension(dice, &ask, now);
        let stop = (if leg == first_pending { 101 } else { 90 } + dice.below(9) as i64) * UNIT;
        extension.stop = (ask.kind >= 4).then_some(stop);
        if matches!(ask.kind, 4 | 6) {
            ask.price = 0;
        }
        if matches!(ask.kind, 2 | 3 | 4 | 6) {
            ask.tif = 1;
        }
        body = body.join(extended(ask, extension, &format!("{name}-{leg}")));
    }
    body
}

fn random_switch(dice: &mut Dice) -> (u16, Body) {
    let account = dice.of(&[ALICE, BOB, 20, 21]);
    match dice.below(12) {
        0 => (22, Body::default().u64(account).u8(u8::from(dice.hits(9)))),
        1 => (23, Body::default().u64(account).u32(dice.below(2) as u32).i64(dice.below(80_000) as i64)),
        2 => (24, Body::default().u32(dice.below(3) as u32).i64(dice.below(9) as i64 * 10_000).i64(200_000)),
        3 => (25, Body::default().u64(account).u32(dice.below(3) as u32)),
        4 => (26, Body::default().u32(dice.below(3) as u32).i64(75_000_000)),
        5 => (27, Body::default().u32(1 + dice.below(2) as u32).i64(dice.below(3) as i64 * 40_000_000)),
        6 => (28, Body::default().u64(account).u8(dice.code(0, 2))),
        7 => (29, Body::default().u32(0).u32(dice.below(60) as u32).u32(dice.below(60) as u32).u32(0)),
        8 => (30, Body::default().u32(1).i128(i128::from(UNIT) * (dice.below(3) * 6) as i128)),
        9 => {
            let band = dice.of(&[(0, 0), (0, 0), (UNIT + UNIT / 20, UNIT - UNIT / 20)]);
            let features = dice.of(&[ALL_FEATURES, ALL_FEATURES, ALL_FEATURES, 479]);
            (21, Rules { features, range: band, ..Rules::default() }.body())
        }
        _ => (4, Body::default().u32(1).u8(dice.of(&[1, 1, 1, 1, 5, 2]))),
    }
}

/// Any command, mostly one that fits; `number` counts them and `now` is the time before it.
pub fn random_command(dice: &mut Dice, number: u64, now: i64) -> Vec<u8> {
    let client_id = format!("c{}", number % 40);
    let account = dice.of(&[ALICE, BOB, 20, 21]);
    let (session, counter, low_water) = (1 + number % 3, number + 1, number.saturating_sub(50));
    let ask = random_ask(dice);
    let order = extended(ask, random_extension(dice, &ask, now), &client_id);
    let (kind, body) = match dice.below(20) {
        0 => (13, Body::default().u64(account).u32(1).u64(0).u8(dice.code(0, 3)).text(&client_id).text("")),
        1 => (13, Body::default().u64(account).u32(1).u64(dice.next() % (number + 1)).u8(0).text("").text("r")),
        2 if dice.hits(10) => (14, Body::default().u64(account).u32(0).text("")),
        3 => {
            let cancel = Body::default().u8(dice.code(1, 2)).u64(0).u8(0).text(&client_id).text("x");
            return frame_2(15, session, counter, low_water, cancel.join(order));
        }
        4 | 5 => {
            // About the newest orders.
            let order = (number * 3 / 10).saturating_sub(dice.next() % 30);
            let amend = Body::default().u64(account).u32(1).u64(order);
            (18, amend.i64((1 + dice.below(6) as i64) * UNIT).text("").text(&client_id))
        }
        6 if dice.hits(4) => {
            let list = format!("list-{}", dice.below(9));
            (20, cancel_head(account).u64(0).text(&list).text("gone"))
        }
        7..=9 => (19, random_list(dice, &format!("l{}", number % 60), now)),
        10 => (16, Body::default()),
        11 if dice.hits(2) => random_switch(dice),
        _ => return frame_2(12, session, counter, low_water, order),
    };
    frame(kind, session, counter, low_water, body)
}

/// The venue with four funded accounts, two of them of one trade group.
pub fn crowd() -> Venue {
    let mut venue = Venue::open_exotic();
    for account in [20, 21] {
        venue.send(5, Body::default().u64(account).i64(7));
        for asset in [1, 2] {
            let mut identity = [8; 32];
            (identity[0], identity[1]) = (account as u8, asset as u8);
            let body = Body::default().u64(account).u32(asset).i128(i128::from(UNIT) * 30_000);
            venue.send(8, body.join(Body(identity.to_vec())));
        }
    }
    venue
}
