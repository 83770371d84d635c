//! One command, one call: how long each took, beside a thread that does nothing but look at the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::venue::{Shape, Venue};

const BLOCK: usize = 50_000;
const PAUSE_NS: u64 = 1_000_000;

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("bounds are sound")
}

/// Look at the clock until told to stop; the time between two looks is what the machine took away.
fn control(stop: &AtomicBool) -> (Histogram<u64>, u64) {
    let (mut seen, mut pauses) = (histogram(), 0);
    let mut last = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let now = Instant::now();
        let gap = u64::try_from((now - last).as_nanos())
            .unwrap_or(u64::MAX)
            .max(1);
        seen.saturating_record(gap);
        pauses += u64::from(gap > PAUSE_NS);
        last = now;
    }
    (seen, pauses)
}

fn tell(name: &str, seen: &Histogram<u64>, pauses: u64) {
    println!(
        "{{\"measure\":\"pauses\",\"of\":\"{name}\",\"count\":{},\"p50_ns\":{},\"p99_ns\":{},\"p999_ns\":{},\"p9999_ns\":{},\
         \"max_ns\":{},\"over_1ms\":{pauses}}}",
        seen.len(),
        seen.value_at_quantile(0.5),
        seen.value_at_quantile(0.99),
        seen.value_at_quantile(0.999),
        seen.value_at_quantile(0.9999),
        seen.max(),
    );
}

/// Tables grow while this runs: it begins with an empty book and rests a little more than it cancels.
pub fn measure(seconds: u64, accounts: u64) {
    let mut venue = Venue::new(100, accounts, Shape::Usual);
    let stop = Arc::new(AtomicBool::new(false));
    let watcher = thread::spawn({
        let stop = Arc::clone(&stop);
        move || control(&stop)
    });
    let (mut seen, mut pauses) = (histogram(), 0);
    let until = Instant::now() + Duration::from_secs(seconds);
    let (mut bytes, mut starts) = (Vec::new(), Vec::new());
    while Instant::now() < until {
        bytes.clear();
        starts.clear();
        for _ in 0..BLOCK {
            starts.push(bytes.len());
            venue.mixed(&mut bytes);
        }
        starts.push(bytes.len());
        for ends in starts.windows(2) {
            let began = Instant::now();
            venue.apply(&bytes[ends[0]..ends[1]]);
            let took = u64::try_from(began.elapsed().as_nanos())
                .unwrap_or(u64::MAX)
                .max(1);
            seen.saturating_record(took);
            pauses += u64::from(took > PAUSE_NS);
        }
    }
    stop.store(true, Ordering::Relaxed);
    let (idle, idle_pauses) = watcher.join().expect("the control thread ends");
    tell("engine, one command a call", &seen, pauses);
    tell("control thread", &idle, idle_pauses);
}
