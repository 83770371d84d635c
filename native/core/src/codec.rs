//! Reading and writing of little-endian fields and short texts.

use std::hash::{Hash, Hasher};

/// Where encoded fields go.
pub trait Sink {
    fn put(&mut self, bytes: &[u8]);

    #[inline]
    fn u8(&mut self, value: u8) {
        self.put(&[value]);
    }
    #[inline]
    fn u16(&mut self, value: u16) {
        self.put(&value.to_le_bytes());
    }
    #[inline]
    fn u32(&mut self, value: u32) {
        self.put(&value.to_le_bytes());
    }
    #[inline]
    fn u64(&mut self, value: u64) {
        self.put(&value.to_le_bytes());
    }
    #[inline]
    fn i32(&mut self, value: i32) {
        self.put(&value.to_le_bytes());
    }
    #[inline]
    fn i64(&mut self, value: i64) {
        self.put(&value.to_le_bytes());
    }
    #[inline]
    fn i128(&mut self, value: i128) {
        self.put(&value.to_le_bytes());
    }
    #[inline]
    fn text<const N: usize>(&mut self, value: &Text<N>) {
        self.u8(value.length);
        self.put(value.as_bytes());
    }
}

impl Sink for Vec<u8> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// A run of fixed-size fields, built on the stack so that a whole event costs one append.
pub struct Packed<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Packed<N> {
    #[inline]
    pub fn new() -> Self {
        Self { bytes: [0; N], length: 0 }
    }

    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl<const N: usize> Sink for Packed<N> {
    #[inline(always)]
    fn put(&mut self, bytes: &[u8]) {
        self.bytes[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }
}

/// The fields not read yet. Every method answers `None` when the bytes do not hold such a field.
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn remaining(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.bytes.split_first_chunk::<N>()?;
        self.bytes = tail;
        Some(*head)
    }
    #[inline]
    pub fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|bytes| bytes[0])
    }
    #[inline]
    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }
    #[inline]
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }
    #[inline]
    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
    #[inline]
    pub fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_le_bytes)
    }
    #[inline]
    pub fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }
    #[inline]
    pub fn i128(&mut self) -> Option<i128> {
        self.array().map(i128::from_le_bytes)
    }

    /// Read a text of `shortest` to `N` printable ASCII characters.
    #[inline]
    pub fn text<const N: usize>(&mut self, shortest: u8) -> Option<Text<N>> {
        let length = self.u8()?;
        if length < shortest || usize::from(length) > N {
            return None;
        }
        let (head, tail) = self.bytes.split_at_checked(usize::from(length))?;
        self.bytes = tail;
        Text::from_bytes(head)
    }
}

/// Whether every byte is in 0x21-0x7E, eight at a time.
#[inline]
fn are_printable(text: &[u8]) -> bool {
    const ONES: u64 = u64::MAX / 255;
    // With every byte below 0x80 no sum carries into the next byte: adding 0x5F lifts 0x21 and above over 0x80, adding
    // 1 lifts only 0x7F.
    let outside = |word: u64| (word | !word.wrapping_add(0x5F * ONES) | word.wrapping_add(ONES)) & (0x80 * ONES);
    let (words, tail) = text.as_chunks::<8>();
    let mut wrong = 0;
    for word in words {
        wrong |= outside(u64::from_le_bytes(*word));
    }
    wrong == 0 && tail.iter().all(|byte| (0x21..=0x7E).contains(byte))
}

/// Up to `N` (at most 255) printable ASCII characters held in place; bytes past the length are zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Text<const N: usize> {
    length: u8,
    bytes: [u8; N],
}

impl<const N: usize> Text<N> {
    pub const EMPTY: Self = Self { length: 0, bytes: [0; N] };

    /// Take the characters, or `None` when they are too many or not all in 0x21-0x7E.
    #[inline]
    pub fn from_bytes(text: &[u8]) -> Option<Self> {
        if text.len() > N || !are_printable(text) {
            return None;
        }
        let mut bytes = [0; N];
        bytes[..text.len()].copy_from_slice(text);
        Some(Self { length: u8::try_from(text.len()).ok()?, bytes })
    }

    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The characters, then zeros.
    #[inline]
    pub fn padded(&self) -> &[u8; N] {
        &self.bytes
    }
}

impl<const N: usize> Hash for Text<N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.as_bytes());
    }
}

/// A client order id or a request id.
pub type ClientId = Text<36>;

#[cfg(test)]
mod tests {
    use super::are_printable;

    #[test]
    fn a_text_is_printable_when_every_byte_is() {
        for length in 0..20 {
            let mut text = vec![b'x'; length];
            assert!(are_printable(&text));
            for place in 0..length {
                for byte in 0..=u8::MAX {
                    text[place] = byte;
                    assert_eq!(are_printable(&text), (0x21..=0x7E).contains(&byte), "{byte} at {place} of {length}");
                }
                text[place] = b'x';
            }
        }
    }
}
