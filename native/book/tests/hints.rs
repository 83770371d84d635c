//! A look ahead leads to where a price's level is, and never further than what there is.

use openbourse_book::{Book, Side, Way};

/// Steps from a side's root to any level: a key has eleven groups of bits.
const STEPS_MAX: usize = 11;

#[test]
fn a_way_leads_to_the_level_of_a_price() {
    for stride in [1, 3, 1_000_000, 1 << 40] {
        let mut book: Book<u32> = Book::new();
        for number in 0..300_i64 {
            for side in Side::BOTH {
                book.insert(side, 100_000_000_000 + number * stride, 5, 0);
            }
        }
        for side in Side::BOTH {
            for number in -10..320_i64 {
                let price = 100_000_000_000 + number * stride;
                let mut way = book.set_out(side);
                for _ in 0..STEPS_MAX {
                    way = book.go_on(way, side, price);
                }
                let level = book.level_at(side, price);
                assert!(level.is_none() || book.arrived(way) == level, "{side:?} {price}");
                book.prefetch_end(way);
            }
        }
    }
}

#[test]
fn hints_of_an_empty_book_lead_nowhere() {
    let book: Book<u32> = Book::new();
    for side in Side::BOTH {
        let way = book.go_on(book.set_out(side), side, 7);
        assert_eq!(book.arrived(way), None);
        assert_eq!(book.arrived(Way::NOWHERE), None);
        book.prefetch_end(way);
    }
    book.prefetch_room();
}
