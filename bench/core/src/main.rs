//! Measures the engine from inside and prints one JSON object a line; `make bench-engine` makes tables of them.
//!
//! In:    which measurement, and its sizes.
//! Out:   figures with their conditions.
//! Never: asserts a time; the reader compares figures of one run.

mod calls;
mod frames;
mod machine;
mod pauses;
mod peer;
mod stops;
mod throughput;
mod venue;

use std::env;
use std::process::ExitCode;

fn number(value: Option<&String>, otherwise: u64) -> u64 {
    value
        .and_then(|text| text.replace('_', "").parse().ok())
        .unwrap_or(otherwise)
}

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let argument = |place: usize, otherwise: u64| number(words.get(place), otherwise);
    match words.first().map(String::as_str) {
        Some("machine") => machine::measure(),
        Some("mix") => throughput::mix(
            argument(1, 2_000_000),
            argument(2, 100) as u32,
            argument(3, 100_000),
        ),
        Some("flat") => throughput::flat(argument(1, 300_000), argument(2, 1_000_000) as usize),
        Some("state") => throughput::state(argument(1, 1_000_000) as usize, argument(2, 100_000)),
        Some("pauses") => pauses::measure(argument(1, 60), argument(2, 100_000)),
        Some("calls") => calls::measure(
            argument(1, 500_000),
            argument(2, 9),
            argument(3, 100_000),
            argument(4, 1),
        ),
        Some("stops") => stops::cascade(argument(1, 10_000)),
        Some("peer-shape") if words.len() > 1 => peer::shape(&words[1], words.len() > 2),
        _ => {
            eprintln!(
                "usage: openbourse-bench machine | mix [COMMANDS INSTRUMENTS ACCOUNTS] | flat [COMMANDS RESTING_MAX] | \
                 state [ORDERS ACCOUNTS] | pauses [SECONDS ACCOUNTS] | calls [CALLS ROUNDS ACCOUNTS BATCH] | stops [TRIGGERS] | \
                 peer-shape STREAM [check]"
            );
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
