//! Where events are written: bytes one after the other, in memory that has been asked for before.

use openbourse_book::prefetch_whole;

use crate::codec::Sink;

/// How far behind what is being written memory is asked for.
const FURTHER: usize = 1_024;
/// As much of it as a command usually fills with events.
const FURTHER_BYTES: usize = 768;

/// Bytes written one after the other, with room behind them that is written in place.
///
/// The room keeps whatever was in it before: nobody pays for zeros that are overwritten at once.
#[derive(Clone, Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    length: usize,
}

impl Buffer {
    /// How much a buffer that is too small grows at least.
    const GROWTH_MIN: usize = 1 << 12;

    pub fn clear(&mut self) {
        self.length = 0;
    }

    pub fn len(&self) -> usize {
        self.length
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Room for `N` bytes at the end; [`Self::advance`] says how many of them were written.
    #[inline(always)]
    pub fn room<const N: usize>(&mut self) -> &mut [u8; N] {
        if self.bytes.len() - self.length < N {
            self.grow(N);
        }
        self.bytes[self.length..].first_chunk_mut().expect("there is room now")
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, by: usize) {
        let wanted = (self.length + by).max(self.bytes.len() * 2).max(Self::GROWTH_MIN);
        self.bytes.resize(wanted, 0);
    }

    /// Ask for memory that will be written soon: a batch's events do not fit the caches that are near.
    #[inline(always)]
    pub fn prefetch_room(&self) {
        let further = self.bytes.get(self.length + FURTHER..).and_then(<[u8]>::first_chunk::<FURTHER_BYTES>);
        if let Some(further) = further {
            prefetch_whole(further);
        }
    }

    #[inline]
    pub fn advance(&mut self, by: usize) {
        self.length += by;
        debug_assert!(self.length <= self.bytes.len());
    }
}

impl Sink for Buffer {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        if self.bytes.len() - self.length < bytes.len() {
            self.grow(bytes.len());
        }
        self.bytes[self.length..][..bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Fields, Text};

    #[test]
    fn a_buffer_keeps_what_was_written_and_not_what_was_there_before() {
        let mut buffer = Buffer::default();
        for round in 0..3_u8 {
            buffer.clear();
            let mut expected = Vec::new();
            for number in 0..2_000_u64 {
                let text: Text<8> = Text::from_bytes(&b"abcdefgh"[..number as usize % 9]).expect("printable");
                let mut fields = Fields::new(buffer.room::<17>());
                fields.u64(number ^ u64::from(round));
                fields.whole_text(&text);
                let length = fields.len();
                buffer.advance(length);
                buffer.put(&[round; 3]);
                expected.u64(number ^ u64::from(round));
                expected.text(&text);
                expected.put(&[round; 3]);
            }
            assert_eq!(buffer.as_bytes(), expected);
            assert_eq!(buffer.len(), expected.len());
        }
    }
}
