//! A cascade: one trade fires the first of many stops, each of which trades down to the next.

use std::time::Instant;

use crate::frames::{self, BUY, GTC, Identity, LIMIT, Order, SELL, STEP, STOP_LOSS, TICK};
use crate::venue::{BATCH, Shape, Venue};

const TOP_TICKS: i64 = 100_000;

fn order(side: u8, order_type: u8, account: u64, ticks: i64, stop_ticks: i64, name: u64) -> Order {
    let (price, stop_price) = (ticks * TICK, stop_ticks * TICK);
    Order {
        account,
        instrument: 1,
        side,
        order_type,
        time_in_force: GTC,
        price,
        quantity: STEP,
        stop_price,
        name,
    }
}

/// A bid at every tick, and at each a stop to sell that the trade above it fires.
pub fn cascade(triggers: u64) {
    let mut venue = Venue::new(1, 20_000, Shape::Usual);
    let mut bytes = Vec::new();
    frames::set_rules(&mut bytes, 2);
    venue.apply(&bytes);
    bytes.clear();
    for step in 0..=triggers {
        let ticks = TOP_TICKS - step as i64;
        let name = venue.name();
        frames::place(
            &mut bytes,
            Identity::default(),
            &order(BUY, LIMIT, 1_000 + step % 10_000, ticks, 0, name),
        );
        if step as usize % BATCH == BATCH - 1 {
            venue.apply(&bytes);
            bytes.clear();
        }
    }
    for step in 0..triggers {
        let stop_ticks = TOP_TICKS - step as i64;
        let name = venue.name();
        let stop = order(SELL, STOP_LOSS, 11_000 + step % 9_000, 0, stop_ticks, name);
        frames::place(&mut bytes, Identity::default(), &stop);
        if step as usize % BATCH == BATCH - 1 {
            venue.apply(&bytes);
            bytes.clear();
        }
    }
    venue.apply(&bytes);
    bytes.clear();
    let name = venue.name();
    frames::place(
        &mut bytes,
        Identity::default(),
        &order(SELL, LIMIT, 20_500, TOP_TICKS, 0, name),
    );
    let began = Instant::now();
    let (_, events) = venue.apply(&bytes);
    let took = began.elapsed();
    println!(
        "{{\"measure\":\"stops\",\"triggers\":{triggers},\"seconds\":{:.4},\"triggers_per_second\":{:.0},\"events_bytes\":{events}}}",
        took.as_secs_f64(),
        triggers as f64 / took.as_secs_f64(),
    );
}
