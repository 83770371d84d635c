//! Commands a second: the realistic mix, the same over sizes and shapes of books, and the state's size and copies.

use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use openbourse_core::Engine;

use crate::venue::{BATCH, Shape, Venue};

/// Batches made ahead of time, so that making them is not timed.
fn batches(
    venue: &mut Venue,
    commands: u64,
    mut one: impl FnMut(&mut Venue, &mut Vec<u8>) -> bool,
) -> Vec<Vec<u8>> {
    let mut made = Vec::new();
    let mut bytes = Vec::new();
    let mut in_batch = 0;
    for _ in 0..commands {
        if !one(venue, &mut bytes) {
            break;
        }
        in_batch += 1;
        if in_batch == BATCH {
            made.push(std::mem::take(&mut bytes));
            in_batch = 0;
        }
    }
    if !bytes.is_empty() {
        made.push(bytes);
    }
    made
}

struct Run {
    commands: usize,
    events_bytes: usize,
    commands_bytes: usize,
    took: Duration,
    on_core: Duration,
}

impl Run {
    fn per_second(&self) -> f64 {
        self.commands as f64 / self.took.as_secs_f64()
    }

    /// Commands a second of the time that the core was ours: on a shared machine the rest is others'.
    fn per_core_second(&self) -> f64 {
        // What is shorter than the scheduler's tick has no time of its own.
        if self.on_core.is_zero() {
            return self.per_second();
        }
        self.commands as f64 / self.on_core.as_secs_f64()
    }
}

/// How long this thread has run so far.
fn on_core() -> Duration {
    let times = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = times
        .split_whitespace()
        .next()
        .and_then(|word| word.parse::<u64>().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

#[inline(never)]
fn run(venue: &mut Venue, batches: &[Vec<u8>]) -> Run {
    let mut total = Run {
        commands: 0,
        events_bytes: 0,
        commands_bytes: 0,
        took: Duration::ZERO,
        on_core: Duration::ZERO,
    };
    let (began, ran) = (Instant::now(), on_core());
    for batch in batches {
        let (commands, events) = venue.apply(batch);
        total.commands += commands;
        total.events_bytes += events;
        total.commands_bytes += batch.len();
    }
    total.took = began.elapsed();
    total.on_core = on_core().saturating_sub(ran);
    total
}

/// The floor: the same bytes in and out, copied and not looked at.
fn copy_floor(batches: &[Vec<u8>], events_bytes: usize) -> f64 {
    let mut out = Vec::with_capacity(2 * events_bytes / batches.len().max(1) + 1);
    let source = vec![1u8; events_bytes / batches.len().max(1) + 1];
    let began = Instant::now();
    for batch in batches {
        out.clear();
        out.extend_from_slice(batch);
        black_box(&out);
        out.clear();
        out.extend_from_slice(&source);
        black_box(&out);
    }
    began.elapsed().as_secs_f64()
}

pub fn mix(commands: u64, instruments: u32, accounts: u64) {
    let mut venue = Venue::new(instruments, accounts, Shape::Usual);
    venue.rest(accounts as usize);
    let warm = batches(&mut venue, commands / 10, |venue, bytes| {
        venue.mixed(bytes);
        true
    });
    run(&mut venue, &warm);
    let made = batches(&mut venue, commands, |venue, bytes| {
        venue.mixed(bytes);
        true
    });
    let seen = run(&mut venue, &made);
    let floor = copy_floor(&made, seen.events_bytes);
    venue.engine.audit().expect("the state is sound");
    println!(
        "{{\"measure\":\"mix\",\"commands\":{},\"instruments\":{instruments},\"accounts\":{accounts},\"open\":{},\
         \"seconds\":{:.4},\"per_second\":{:.0},\"per_core_second\":{:.0},\"events_bytes\":{},\"commands_bytes\":{},\"copy_floor_seconds\":{floor:.4}}}",
        seen.commands,
        venue.resting.len(),
        seen.took.as_secs_f64(),
        seen.per_second(),
        seen.per_core_second(),
        seen.events_bytes,
        seen.commands_bytes,
    );
}

fn flat_row(name: &str, shape: Shape, instruments: u32, resting: usize, commands: u64) {
    let accounts = 20_000;
    let mut venue = Venue::new(instruments, accounts, shape);
    venue.rest(resting);
    let made = batches(&mut venue, commands, |venue, bytes| {
        venue.mixed(bytes);
        true
    });
    let seen = run(&mut venue, &made);
    println!(
        "{{\"measure\":\"flat\",\"book\":\"{name}\",\"instruments\":{instruments},\"resting\":{resting},\"commands\":{},\
         \"per_second\":{:.0},\"per_core_second\":{:.0}}}",
        seen.commands,
        seen.per_second(),
        seen.per_core_second()
    );
    if name == "usual" && instruments > 1 {
        return;
    }
    let storm = batches(&mut venue, commands.min(resting as u64), Venue::cancel_one);
    let seen = run(&mut venue, &storm);
    println!(
        "{{\"measure\":\"flat\",\"book\":\"{name}, cancel storm\",\"instruments\":{instruments},\"resting\":{resting},\
         \"commands\":{},\"per_second\":{:.0},\"per_core_second\":{:.0}}}",
        seen.commands,
        seen.per_second(),
        seen.per_core_second()
    );
}

pub fn flat(commands: u64, resting_max: usize) {
    for resting in [1_000, 100_000, 10_000_000]
        .into_iter()
        .filter(|resting| *resting <= resting_max)
    {
        for instruments in [1, 1_000] {
            flat_row("usual", Shape::Usual, instruments, resting, commands);
        }
    }
    let resting = resting_max.min(100_000);
    flat_row("deep", Shape::Deep, 1, resting, commands);
    flat_row("wide", Shape::Wide, 1, resting, commands);
    flat_row("one level", Shape::OneLevel, 1, resting, commands);
}

fn resident_bytes() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|text| {
        text.split_whitespace()
            .nth(1)
            .and_then(|word| word.parse::<u64>().ok())
    });
    pages.unwrap_or(0) * 4_096
}

/// Memory of orders and accounts, snapshot written and read, and replay from it.
pub fn state(orders: usize, accounts: u64) {
    let bare = Venue::new(100, 1, Shape::Usual);
    black_box(&bare);
    let before = resident_bytes();
    let mut venue = Venue::new(100, accounts, Shape::Usual);
    let with_accounts = resident_bytes();
    venue.resting.reserve_exact(2 * orders);
    venue.rest(orders);
    let with_orders = resident_bytes()
        .saturating_sub((venue.resting.len() * size_of::<crate::venue::Resting>()) as u64);
    let began = Instant::now();
    let snapshot = venue.engine.snapshot();
    let written = began.elapsed();
    let made = batches(&mut venue, 1_000_000, |venue, bytes| {
        venue.mixed(bytes);
        true
    });
    let (began, ran) = (Instant::now(), on_core());
    venue.engine = Engine::restore(&snapshot).expect("an engine reads what it wrote");
    let (loaded, loaded_on_core) = (began.elapsed(), on_core().saturating_sub(ran));
    let replayed = run(&mut venue, &made);
    println!(
        "{{\"measure\":\"state\",\"orders\":{orders},\"accounts\":{accounts},\"bytes_per_order\":{:.0},\
         \"bytes_per_account\":{:.0},\"snapshot_bytes\":{},\"write_seconds\":{:.3},\"load_seconds\":{:.3},\
         \"load_core_seconds\":{:.3},\"replay_per_second\":{:.0},\
         \"replay_per_core_second\":{:.0}}}",
        with_orders.saturating_sub(with_accounts) as f64 / orders as f64,
        with_accounts.saturating_sub(before) as f64 / accounts as f64,
        snapshot.len(),
        written.as_secs_f64(),
        loaded.as_secs_f64(),
        loaded_on_core.as_secs_f64(),
        replayed.per_second(),
        replayed.per_core_second(),
    );
}
