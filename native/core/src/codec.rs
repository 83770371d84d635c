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

/// Fixed-size fields written one after the other into an array, at places that the compiler knows.
pub struct Fields<'a, const N: usize> {
    bytes: &'a mut [u8; N],
    length: usize,
}

impl<'a, const N: usize> Fields<'a, N> {
    #[inline(always)]
    pub fn new(bytes: &'a mut [u8; N]) -> Self {
        Self { bytes, length: 0 }
    }

    /// Write a text and whatever stands behind it in its own array: what follows overwrites that, and the array has
    /// room for it.
    #[inline(always)]
    pub fn whole_text<const T: usize>(&mut self, value: &Text<T>) {
        self.bytes[self.length] = value.length;
        self.bytes[self.length + 1..][..T].copy_from_slice(&value.bytes);
        self.length += 1 + usize::from(value.length);
    }

    #[inline(always)]
    pub fn len(&self) -> usize {
        self.length
    }
}

impl<const N: usize> Sink for Fields<'_, N> {
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

    #[inline(always)]
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.bytes.split_first_chunk::<N>()?;
        self.bytes = tail;
        Some(*head)
    }
    /// Take `N` bytes of fields at once, so that their length is looked at once.
    #[inline(always)]
    pub fn fixed<const N: usize>(&mut self) -> Option<Fixed<'a, N>> {
        let (bytes, tail) = self.bytes.split_first_chunk::<N>()?;
        self.bytes = tail;
        Some(Fixed { bytes, at: 0 })
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
    #[inline(always)]
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

/// Fields at places that the compiler knows.
///
/// # Panics
/// When more is read than there is.
pub struct Fixed<'a, const N: usize> {
    bytes: &'a [u8; N],
    at: usize,
}

impl<const N: usize> Fixed<'_, N> {
    #[inline(always)]
    fn array<const M: usize>(&mut self) -> [u8; M] {
        let field = self.bytes[self.at..].first_chunk().expect("the fields are as long as was said");
        self.at += M;
        *field
    }
    #[inline(always)]
    pub fn u8(&mut self) -> u8 {
        self.array::<1>()[0]
    }
    #[inline(always)]
    pub fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }
    #[inline(always)]
    pub fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }
    #[inline(always)]
    pub fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }
    #[inline(always)]
    pub fn i32(&mut self) -> i32 {
        i32::from_le_bytes(self.array())
    }
    #[inline(always)]
    pub fn i64(&mut self) -> i64 {
        i64::from_le_bytes(self.array())
    }
    #[inline(always)]
    pub fn i128(&mut self) -> i128 {
        i128::from_le_bytes(self.array())
    }
}

/// The top bits of the bytes of a word that are not in 0x21-0x7E.
#[inline(always)]
fn unprintable(word: [u8; 8]) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    let word = u64::from_le_bytes(word);
    // With every byte below 0x80 no sum carries into the next byte: adding 0x5F lifts 0x21 and above over 0x80, adding
    // 1 lifts only 0x7F.
    (word | !word.wrapping_add(0x5F * ONES) | word.wrapping_add(ONES)) & (0x80 * ONES)
}

#[inline(always)]
fn any_unprintable(text: &[u8]) -> bool {
    text.as_chunks().0.iter().fold(0, |wrong, word| wrong | unprintable(*word)) != 0
}

/// Copy a text into `to`; answers whether every character is in 0x21-0x7E.
///
/// # Panics
/// When `to` is shorter than the text.
#[inline(always)]
fn copy_printable(text: &[u8], to: &mut [u8]) -> bool {
    // Nearly all texts are of 16 to 32 characters: two looks, which may overlap, take in one of them.
    let (Some(first), Some(last)) = (text.first_chunk::<16>(), text.last_chunk::<16>()) else {
        return copy_short(text, to);
    };
    to[..16].copy_from_slice(first);
    let is_middle_printable = text.len() <= 32 || copy_middle(text, to);
    to[text.len() - 16..text.len()].copy_from_slice(last);
    is_middle_printable && !any_unprintable(first) && !any_unprintable(last)
}

/// Copy what a text has after its first 16 characters, the last ones aside.
#[inline(never)]
fn copy_middle(text: &[u8], to: &mut [u8]) -> bool {
    let (from, to) = (text[16..].as_chunks::<16>().0, to[16..].as_chunks_mut::<16>().0);
    to.iter_mut().zip(from).fold(true, |is_right, (to, from)| {
        *to = *from;
        is_right && !any_unprintable(from)
    })
}

/// Copy a text of fewer than 16 characters.
#[inline(never)]
fn copy_short(text: &[u8], to: &mut [u8]) -> bool {
    let mut whole = [b'!'; 16];
    whole[..text.len()].copy_from_slice(text);
    to[..text.len()].copy_from_slice(text);
    !any_unprintable(&whole)
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
    #[inline(always)]
    pub fn from_bytes(text: &[u8]) -> Option<Self> {
        if text.len() > N {
            return None;
        }
        let mut bytes = [0; N];
        if !copy_printable(text, &mut bytes) {
            return None;
        }
        Some(Self { length: u8::try_from(text.len()).ok()?, bytes })
    }

    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
}

impl<const N: usize> Hash for Text<N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.as_bytes());
    }
}

/// How long a client order id or a request id may be.
pub const CLIENT_ID_MAX: usize = 36;

/// A client order id or a request id.
pub type ClientId = Text<CLIENT_ID_MAX>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_printable_when_every_byte_is() {
        for length in 0..70 {
            let mut text: Vec<u8> = (b'0'..=b'z').take(length).collect();
            assert_eq!(Text::<70>::from_bytes(&text).expect("printable").as_bytes(), text);
            for place in 0..length {
                let before = text[place];
                for byte in 0..=u8::MAX {
                    text[place] = byte;
                    let read = Text::<70>::from_bytes(&text);
                    assert_eq!(read.is_some(), (0x21..=0x7E).contains(&byte), "{byte} at {place} of {length}");
                    assert!(
                        read.is_none_or(|read| read.as_bytes() == text && read.bytes[length..] == [0; 70][length..])
                    );
                }
                text[place] = before;
            }
        }
        assert!(Text::<70>::from_bytes(&[b'x'; 71]).is_none());
    }
}
