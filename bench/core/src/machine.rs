//! What the machine gives now: two figures without which those of an engine mean little where hosts are shared.

use std::hint::black_box;
use std::time::Instant;

use crate::venue::Chance;

const ROUNDS: u64 = 50_000_000;
const STEPS: usize = 1_000_000;
/// Within a last-level cache that is one's own, and far beyond any.
const SIZES: [usize; 2] = [4 << 20, 256 << 20];
const LINE: usize = 64 / size_of::<u32>();

/// Operations that wait for each other, a nanosecond: the clock that the core is given, as each takes one cycle.
fn operations_per_ns() -> f64 {
    let mut mixed = black_box(0x9E37_79B9_7F4A_7C15_u64);
    let began = Instant::now();
    for _ in 0..ROUNDS {
        // Xorshift: three shifts and three exclusive ors, none of which can begin before the one before it.
        mixed ^= mixed << 13;
        mixed ^= mixed >> 7;
        mixed ^= mixed << 17;
    }
    black_box(mixed);
    6.0 * ROUNDS as f64 / began.elapsed().as_nanos() as f64
}

/// Nanoseconds of a load that names the next one, over one random ring through all cache lines of so many bytes.
fn load_ns(bytes: usize) -> f64 {
    let lines = bytes / (LINE * size_of::<u32>());
    let mut order: Vec<u32> = (0..lines as u32).collect();
    let mut chance = Chance::new(7);
    // Sattolo: a permutation of one cycle.
    for place in (1..lines).rev() {
        order.swap(place, chance.below(place as u64) as usize);
    }
    let mut cells = vec![0_u32; lines * LINE];
    for (place, next) in order.iter().enumerate() {
        cells[place * LINE] = *next;
    }
    let mut at = 0;
    let began = Instant::now();
    for _ in 0..STEPS {
        at = cells[at as usize * LINE];
    }
    black_box(at);
    began.elapsed().as_nanos() as f64 / STEPS as f64
}

pub fn measure() {
    let operations = operations_per_ns();
    for bytes in SIZES {
        println!(
            "{{\"measure\":\"machine\",\"operations_per_ns\":{operations:.2},\"chased_bytes\":{bytes},\"load_ns\":{:.0}}}",
            load_ns(bytes)
        );
    }
}
