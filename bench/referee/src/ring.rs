//! The way of reports from the thread that matches to the one that reads them.
//!
//! One writer, one reader. A report travels as 32 bytes, a trade as twice that, instead of the interface's 64, and the
//! writer tells the reader of them in batches: half the memory, and the line both threads share moves seldom.

use std::cell::{Cell, UnsafeCell};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::words::{Report, TRADE};

/// How many words wait at most before the reader is told.
const BATCH: u64 = 64;

/// Half a cache line. A report is one word, a trade two.
type Word = [u64; 4];

#[repr(align(128))]
struct Lines<T>(T);

/// What only the writer uses.
struct Writer {
    written: Cell<u64>,
    /// Where to stop and tell the reader, or wait for it. Two words fit before.
    stop: Cell<u64>,
}

pub struct Ring {
    words: Box<[UnsafeCell<Word>]>,
    writer: Lines<Writer>,
    published: Lines<AtomicU64>,
    read: Lines<AtomicU64>,
}

// SAFETY: a word is written by the writer before `published` passes it and read by the reader after, and not written
// again before `read` has passed it; both counters are stored with release and loaded with acquire. `writer` is used
// by the writing thread alone, which the unsafe functions ask for.
unsafe impl Sync for Ring {}

impl Ring {
    /// Return an empty ring with room for so many reports, were they all trades.
    pub fn new(reports: u32) -> Self {
        let words = (reports.max(BATCH as u32) as usize * 2).next_power_of_two();
        Self {
            // Written once so that the pages are there.
            words: (0..words as u64).map(|word| UnsafeCell::new([word; 4])).collect(),
            writer: Lines(Writer { written: Cell::new(0), stop: Cell::new(BATCH) }),
            published: Lines(AtomicU64::new(0)),
            read: Lines(AtomicU64::new(0)),
        }
    }

    #[inline]
    fn word(&self, at: u64) -> *mut Word {
        self.words[at as usize & (self.words.len() - 1)].get()
    }

    /// Tell the reader of all that is written; answers whether two more words fit.
    fn publish(&self) -> bool {
        let written = self.writer.0.written.get();
        self.published.0.store(written, Ordering::Release);
        let end = self.read.0.load(Ordering::Acquire) + self.words.len() as u64 - 1;
        self.writer.0.stop.set(end.min(written + BATCH));
        written < end
    }

    #[cold]
    #[inline(never)]
    fn publish_and_wait(&self) {
        while !self.publish() {
            std::hint::spin_loop();
        }
    }

    /// The number of the next word, when two fit.
    #[inline]
    fn next(&self) -> u64 {
        let written = self.writer.0.written.get();
        if written >= self.writer.0.stop.get() {
            self.publish_and_wait();
        }
        written
    }

    /// Write a report of one order, waiting for room.
    ///
    /// # Safety
    /// One thread calls this, [`Self::trade`] and [`Self::flush`].
    #[inline(always)]
    pub unsafe fn report(&self, kind: u8, side: u8, sequence: u64, order_id: u64, price: i64, quantity: u32) {
        let written = self.next();
        let head = u64::from(kind) | u64::from(side) << 8 | u64::from(quantity) << 32;
        // SAFETY: the reader has passed this word and is not told of it before it is written.
        unsafe { *self.word(written) = [head, sequence, order_id, price.cast_unsigned()] };
        self.writer.0.written.set(written + 1);
    }

    /// Write a trade, waiting for room.
    ///
    /// # Safety
    /// As for [`Self::report`].
    #[inline]
    pub unsafe fn trade(&self, sequence: u64, maker: u64, taker: u64, price: i64, quantity: u32) {
        let written = self.next();
        let head = u64::from(TRADE) | u64::from(quantity) << 32;
        // SAFETY: as in `report`, for both words.
        unsafe {
            *self.word(written) = [head, sequence, maker, price.cast_unsigned()];
            *self.word(written + 1) = [taker, 0, 0, 0];
        }
        self.writer.0.written.set(written + 2);
    }

    /// Whether another report fits now.
    ///
    /// # Safety
    /// As for [`Self::report`].
    pub unsafe fn is_open(&self) -> bool {
        self.writer.0.written.get() < self.writer.0.stop.get() || self.publish()
    }

    /// Tell the reader of everything written.
    ///
    /// # Safety
    /// As for [`Self::report`].
    pub unsafe fn flush(&self) {
        self.publish();
    }

    /// Read reports into `out`; answers how many.
    ///
    /// # Safety
    /// One thread calls this.
    pub unsafe fn drain(&self, out: &mut [Report]) -> u32 {
        let published = self.published.0.load(Ordering::Acquire);
        let mut at = self.read.0.load(Ordering::Relaxed);
        let mut count = 0;
        for report in out {
            if at == published {
                break;
            }
            // SAFETY: the word lies below `published`, so the writer is done with it.
            let [head, sequence, order_id, price] = unsafe { *self.word(at) };
            at += 1;
            let kind = head as u8;
            let mut taker = 0;
            if kind == TRADE {
                // SAFETY: both words of a trade are published together.
                taker = unsafe { *self.word(at) }[0];
                at += 1;
            }
            *report = Report {
                kind,
                side: (head >> 8) as u8,
                sequence,
                order_id,
                price: price.cast_signed(),
                quantity: (head >> 32) as u32,
                maker_order_id: if kind == TRADE { order_id } else { 0 },
                taker_order_id: taker,
                ..Report::default()
            };
            count += 1;
        }
        self.read.0.store(at, Ordering::Release);
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_report_arrives_once_and_in_order() {
        let ring = Ring::new(100);
        let count = 200_000_u64;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..count {
                    // SAFETY: this is the only thread that writes.
                    unsafe {
                        if number.is_multiple_of(7) {
                            ring.trade(number, number + 1, number + 2, -1, 5);
                        } else {
                            ring.report(2, 1, number, number + 1, i64::MIN, u32::MAX);
                        }
                    }
                }
                // SAFETY: as above.
                unsafe { ring.flush() };
            });
            let mut out = [Report::default(); 13];
            let mut expected = 0;
            while expected < count {
                // SAFETY: this is the only thread that reads.
                let read = unsafe { ring.drain(&mut out) };
                for report in &out[..read as usize] {
                    let is_trade = expected.is_multiple_of(7);
                    assert_eq!((report.sequence, report.order_id), (expected, expected + 1));
                    assert_eq!(report.kind, if is_trade { TRADE } else { 2 });
                    assert_eq!(report.price, if is_trade { -1 } else { i64::MIN });
                    assert_eq!(report.quantity, if is_trade { 5 } else { u32::MAX });
                    assert_eq!(report.taker_order_id, if is_trade { expected + 2 } else { 0 });
                    assert_eq!(report.maker_order_id, if is_trade { expected + 1 } else { 0 });
                    expected += 1;
                }
            }
        });
    }
}
