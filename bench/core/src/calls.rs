//! What single calls take of the engine itself: the same calls again and again from the same state.
//!
//! A shared machine takes a core away, or a tick falls into a call, thousands of times a second, each time into another
//! call. The engine does the same work each time: what a call takes of it is the least of what it took.

use std::time::Instant;

use hdrhistogram::Histogram;

use crate::venue::{Shape, Venue};

/// How long each call took, once and at the least.
struct Times {
    once: Vec<u32>,
    least: Vec<u32>,
}

fn tell(name: &str, (accounts, rounds, batch): (u64, u64, u64), times: &[u32]) {
    let mut seen: Histogram<u64> =
        Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("bounds are sound");
    for took in times {
        seen.saturating_record(u64::from(*took).max(1));
    }
    let whole: f64 = times.iter().map(|took| f64::from(*took)).sum();
    println!(
        "{{\"measure\":\"calls\",\"of\":\"{name}\",\"accounts\":{accounts},\"rounds\":{rounds},\"commands_a_call\":{batch},\
         \"count\":{},\"per_second\":{:.0},\"p50_ns\":{},\"p99_ns\":{},\"p999_ns\":{},\"p9999_ns\":{},\"max_ns\":{}}}",
        seen.len(),
        1e9 * batch as f64 * times.len() as f64 / whole,
        seen.value_at_quantile(0.5),
        seen.value_at_quantile(0.99),
        seen.value_at_quantile(0.999),
        seen.value_at_quantile(0.9999),
        seen.max(),
    );
}

/// Run every call from where the venue stands; the venue itself stays there.
fn round(venue: &Venue, calls: &[Vec<u8>], times: &mut Times, is_first: bool) {
    let mut engine = venue.engine.clone();
    for (place, call) in calls.iter().enumerate() {
        let (sequence, time_us) = (engine.sequence() + 1, venue.time_us + 1 + place as i64);
        let began = Instant::now();
        engine
            .apply(sequence, time_us, call)
            .expect("calls follow each other");
        let took = u32::try_from(began.elapsed().as_nanos()).unwrap_or(u32::MAX);
        if is_first {
            times.once[place] = took;
        }
        times.least[place] = times.least[place].min(took);
    }
}

/// Commands of the mix, `batch` a call, `rounds` times from the same state with as many resting orders as accounts.
pub fn measure(calls: u64, rounds: u64, accounts: u64, batch: u64) {
    let mut venue = Venue::new(100, accounts, Shape::Usual);
    venue.rest(accounts as usize);
    let made: Vec<Vec<u8>> = (0..calls)
        .map(|_| {
            let mut bytes = Vec::new();
            (0..batch).for_each(|_| venue.mixed(&mut bytes));
            bytes
        })
        .collect();
    let mut times = Times {
        once: vec![0; made.len()],
        least: vec![u32::MAX; made.len()],
    };
    for number in 0..rounds.max(1) {
        round(&venue, &made, &mut times, number == 0);
    }
    tell("one run", (accounts, 1, batch), &times.once);
    tell(
        "the least of each call",
        (accounts, rounds, batch),
        &times.least,
    );
}
