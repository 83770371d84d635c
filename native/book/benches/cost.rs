//! What an order costs as the book grows: nanoseconds to take one off and put another on, best of a few passes.
//!
//! `cargo bench -p openbourse-book` prints a row a domain of prices and a column a number of resting orders. Orders are
//! taken off in random order, the worst case for caches; matching, ids and reports are left out.

use std::time::Instant;

use openbourse_book::{Book, Side, Slot};

const CHANGES: usize = 1 << 19;
const PASSES: usize = 5;
const RESTING: [usize; 5] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];

/// A domain of prices, drawn from a random number.
type Domain = fn(u64) -> i64;

const DOMAINS: [(&str, Domain); 5] = [
    ("one level", |_| 100),
    ("100 levels", |random| (random % 100).cast_signed()),
    ("50 000 levels", |random| (random % 50_000).cast_signed()),
    ("50 000 levels, a tick of 10^6", |random| (random % 50_000).cast_signed() * 1_000_000),
    ("any price", u64::cast_signed),
];

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 1
    }
}

/// Nanoseconds to remove an order and insert one, with so many at rest.
fn cost<T: Copy>(domain: Domain, resting: usize, payload: T) -> f64 {
    let mut random = Random(1);
    let mut book: Book<T> = Book::with_capacity(resting, 0);
    let side = |number: usize| Side::BOTH[number % 2];
    let mut slots: Vec<Slot> =
        (0..resting).map(|number| book.insert(side(number), domain(random.next()), 5, payload)).collect();
    let mut best = f64::MAX;
    for _ in 0..PASSES {
        let changes: Vec<(usize, i64)> =
            (0..CHANGES).map(|_| ((random.next() % resting as u64) as usize, domain(random.next()))).collect();
        let began = Instant::now();
        for (place, price) in changes {
            book.remove(slots[place]);
            slots[place] = book.insert(side(place), price, 5, std::hint::black_box(payload));
        }
        best = best.min(began.elapsed().as_secs_f64() * 1e9 / CHANGES as f64);
    }
    best
}

/// The same with the payloads in an array beside the book.
fn cost_beside<T: Copy>(domain: Domain, resting: usize, payload: T) -> f64 {
    let mut random = Random(1);
    let mut book: Book<()> = Book::with_capacity(resting, 0);
    let side = |number: usize| Side::BOTH[number % 2];
    let mut payloads = vec![payload; resting];
    let mut slots: Vec<Slot> =
        (0..resting).map(|number| book.insert(side(number), domain(random.next()), 5, ())).collect();
    let mut best = f64::MAX;
    for _ in 0..PASSES {
        let changes: Vec<(usize, i64)> =
            (0..CHANGES).map(|_| ((random.next() % resting as u64) as usize, domain(random.next()))).collect();
        let began = Instant::now();
        for (place, price) in changes {
            book.remove(slots[place]);
            slots[place] = book.insert(side(place), price, 5, ());
            payloads[slots[place].index()] = std::hint::black_box(payload);
        }
        best = best.min(began.elapsed().as_secs_f64() * 1e9 / CHANGES as f64);
    }
    best
}

fn table(title: &str, most: usize, cost: impl Fn(Domain, usize) -> f64) {
    print!("{title:34}");
    RESTING.iter().filter(|resting| **resting <= most).for_each(|resting| print!("{resting:>12}"));
    println!();
    for (name, domain) in DOMAINS {
        print!("{name:34}");
        for resting in RESTING.into_iter().filter(|resting| *resting <= most) {
            print!("{:>12.1}", cost(domain, resting));
        }
        println!();
    }
}

fn main() {
    table("ns, payload of 8 bytes", 10_000_000, |domain, resting| cost(domain, resting, 0_u64));
    table("ns, payload of 200 bytes", 1_000_000, |domain, resting| cost(domain, resting, [0_u64; 25]));
    table("ns, 200 bytes in an array beside", 1_000_000, |domain, resting| cost_beside(domain, resting, [0_u64; 25]));
}
