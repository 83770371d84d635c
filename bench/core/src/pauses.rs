//! One command, one call: how long each took, beside a thread that does nothing but look at the clock.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::venue::{Shape, Venue};

/// Calls between two looks at how long the thread has stood behind others.
const BLOCK: usize = 5_000;
/// Turns of the control thread between two of them.
const TURNS: u64 = 50_000;
const PAUSE_NS: u64 = 1_000_000;
/// A tick of the kernel or an interrupt of the host takes longer.
const TICK_NS: u64 = 5_000;

/// For how long this thread has stood ready behind others so far, by the kernel's account.
fn stood_ns() -> u64 {
    let times = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    times
        .split_whitespace()
        .nth(1)
        .and_then(|word| word.parse().ok())
        .unwrap_or(0)
}

/// How long each of many things took, and which of the long ones were spent behind another thread.
struct Seen {
    times: Histogram<u64>,
    stood_ns: u64,
    ticks: u64,
    pauses: u64,
    /// Pauses in which the thread had its core.
    pauses_on_core: u64,
}

impl Seen {
    fn new() -> Self {
        Self {
            times: Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("bounds are sound"),
            stood_ns: stood_ns(),
            ticks: 0,
            pauses: 0,
            pauses_on_core: 0,
        }
    }

    /// Look at the kernel's account, so that what is seen next is compared with it.
    fn settle(&mut self) {
        self.stood_ns = stood_ns();
    }

    #[inline]
    fn note(&mut self, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).max(1);
        self.times.saturating_record(took);
        self.ticks += u64::from(took > TICK_NS);
        if took > PAUSE_NS {
            self.pauses += 1;
            let before = self.stood_ns;
            self.settle();
            self.pauses_on_core +=
                u64::from(took.saturating_sub(self.stood_ns - before) > PAUSE_NS);
        }
    }

    fn tell(&self, name: &str, took: Duration) {
        let times = &self.times;
        println!(
            "{{\"measure\":\"pauses\",\"of\":\"{name}\",\"count\":{},\"p50_ns\":{},\"p99_ns\":{},\"p999_ns\":{},\"p9999_ns\":{},\
             \"max_ns\":{},\"over_1ms\":{},\"over_1ms_on_core\":{},\"over_5us_a_second\":{:.0}}}",
            times.len(),
            times.value_at_quantile(0.5),
            times.value_at_quantile(0.99),
            times.value_at_quantile(0.999),
            times.value_at_quantile(0.9999),
            times.max(),
            self.pauses,
            self.pauses_on_core,
            self.ticks as f64 / took.as_secs_f64(),
        );
    }
}

/// Look at the clock until told to stop; the time between two looks is what the machine took away.
fn control(stop: &AtomicBool) -> Seen {
    let (mut seen, mut turns) = (Seen::new(), 0_u64);
    let mut last = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let now = Instant::now();
        seen.note(now - last);
        last = now;
        turns += 1;
        if turns.is_multiple_of(TURNS) {
            seen.settle();
            last = Instant::now();
        }
    }
    seen
}

/// Tables grow while this runs: it begins with an empty book and rests a little more than it cancels.
pub fn measure(seconds: u64, accounts: u64) {
    let mut venue = Venue::new(100, accounts, Shape::Usual);
    let stop = Arc::new(AtomicBool::new(false));
    let watcher = thread::spawn({
        let stop = Arc::clone(&stop);
        move || control(&stop)
    });
    let (mut seen, mut in_calls) = (Seen::new(), Duration::ZERO);
    let whole = Instant::now();
    let until = whole + Duration::from_secs(seconds);
    let (mut bytes, mut starts) = (Vec::new(), Vec::new());
    while Instant::now() < until {
        bytes.clear();
        starts.clear();
        for _ in 0..BLOCK {
            starts.push(bytes.len());
            venue.mixed(&mut bytes);
        }
        starts.push(bytes.len());
        seen.settle();
        for ends in starts.windows(2) {
            let began = Instant::now();
            venue.apply(&bytes[ends[0]..ends[1]]);
            let took = began.elapsed();
            seen.note(took);
            in_calls += took;
        }
    }
    let whole = whole.elapsed();
    stop.store(true, Ordering::Relaxed);
    let idle = watcher.join().expect("the control thread ends");
    seen.tell("engine, one command a call", in_calls);
    idle.tell("control thread", whole);
}
