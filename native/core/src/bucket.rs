//! Eight cells of a slot table in one cache line, looked at all together.
//!
//! A search that goes from cell to cell ends after one or two or five of them, which no processor guesses. This one
//! compares all eight at once and branches on what is nearly always so.

use openbourse_book::equal_among;

/// Cells of a bucket; a cell is a tag, the upper half of a hash, and the slot + 1.
pub const CELLS: usize = 8;
pub const WORDS: usize = 8;

/// Four words of tags, two a word, then four of slots + 1; 0 there is an empty cell.
pub type Bucket = [u64; WORDS];

const HALF: usize = WORDS / 2;
/// Stands for the slot of a cell that was emptied while the table is being moved: a search goes on past it.
const GONE: u32 = u32::MAX;

#[inline(always)]
fn half(words: &[u64; HALF], place: usize) -> u32 {
    (words[place / 2] >> (place % 2 * 32)) as u32
}

#[inline(always)]
fn set_half(word: &mut u64, place: u32, number: u32) {
    let shift = place % 2 * 32;
    *word = *word & !(u64::from(u32::MAX) << shift) | u64::from(number) << shift;
}

#[inline(always)]
fn tags(bucket: &Bucket) -> &[u64; HALF] {
    bucket.first_chunk().expect("a bucket has two halves")
}

#[inline(always)]
fn slots(bucket: &Bucket) -> &[u64; HALF] {
    bucket.last_chunk().expect("a bucket has two halves")
}

/// The cells in use that have a tag.
#[inline(always)]
pub fn tagged(bucket: &Bucket, tag: u32) -> u32 {
    equal_among(tags(bucket), tag) & !empty(bucket)
}

/// The cells that have a slot.
#[inline(always)]
pub fn with_slot(bucket: &Bucket, slot: u32) -> u32 {
    equal_among(slots(bucket), slot + 1)
}

/// The cells that are empty.
#[inline(always)]
pub fn empty(bucket: &Bucket) -> u32 {
    equal_among(slots(bucket), 0)
}

#[inline(always)]
pub fn tag(bucket: &Bucket, place: u32) -> u32 {
    half(tags(bucket), place as usize % CELLS)
}

/// The slot of a cell in use.
#[inline(always)]
pub fn slot(bucket: &Bucket, place: u32) -> u32 {
    half(slots(bucket), place as usize % CELLS).wrapping_sub(1)
}

#[inline(always)]
pub fn set(bucket: &mut Bucket, place: u32, tag: u32, slot: u32) {
    let word = place as usize % CELLS / 2;
    set_half(&mut bucket[word], place, tag);
    set_half(&mut bucket[HALF + word], place, slot + 1);
}

#[inline(always)]
pub fn clear(bucket: &mut Bucket, place: u32) {
    set_half(&mut bucket[HALF + place as usize % CELLS / 2], place, 0);
}

pub fn is_gone(bucket: &Bucket, place: u32) -> bool {
    half(slots(bucket), place as usize % CELLS) == GONE
}

pub fn mark_gone(bucket: &mut Bucket, place: u32) {
    set_half(&mut bucket[HALF + place as usize % CELLS / 2], place, GONE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_found_by_its_tag_wherever_it_is() {
        let mut bucket = [0; WORDS];
        assert_eq!((empty(&bucket), tagged(&bucket, 0)), (255, 0));
        for place in 0..CELLS as u32 {
            set(&mut bucket, place, place / 2, 100 + place);
        }
        assert_eq!((empty(&bucket), tagged(&bucket, 1), tagged(&bucket, 3)), (0, 0b1100, 0b1100_0000));
        for place in 0..CELLS as u32 {
            assert_eq!((tag(&bucket, place), slot(&bucket, place)), (place / 2, 100 + place));
        }
        assert_eq!((with_slot(&bucket, 105), with_slot(&bucket, 99)), (0b10_0000, 0));
        clear(&mut bucket, 2);
        mark_gone(&mut bucket, 7);
        assert_eq!((empty(&bucket), tagged(&bucket, 1)), (0b100, 0b1000));
        assert!(is_gone(&bucket, 7) && !is_gone(&bucket, 6));
        set(&mut bucket, 2, u32::MAX, u32::MAX - 2);
        assert_eq!((tagged(&bucket, u32::MAX), slot(&bucket, 2)), (0b100, u32::MAX - 2));
    }
}
