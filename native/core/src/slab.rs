//! A list that grows without moving what it holds.
//!
//! A vector that doubles copies everything at once, and a venue stops for as long as that takes.

use std::ops::{Index, IndexMut};

const BITS: u32 = 6;
const CHUNK: usize = 1 << BITS;

/// Entries by number, from 0; in chunks that stay where they are.
///
/// What has not been pushed yet is there as a default, so that one look at a length leads to an entry.
#[derive(Clone)]
pub struct Slab<T> {
    chunks: Vec<Box<[T; CHUNK]>>,
    length: usize,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), length: 0 }
    }
}

impl<T: Default> Slab<T> {
    /// Add an entry at the end; answers its number.
    pub fn push(&mut self, entry: T) -> u32 {
        if self.length == self.chunks.len() * CHUNK {
            self.add_chunk();
        }
        let number = u32::try_from(self.length).expect("entries are fewer than 2^32");
        self[number] = entry;
        self.length += 1;
        number
    }

    #[cold]
    fn add_chunk(&mut self) {
        let chunk: Vec<T> = std::iter::repeat_with(T::default).take(CHUNK).collect();
        let chunk = chunk.into_boxed_slice().try_into();
        self.chunks.push(chunk.ok().expect("as many as were made"));
    }
}

impl<T> Slab<T> {
    pub fn len(&self) -> usize {
        self.length
    }

    /// Every entry by number.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).take(self.length)
    }

    #[inline(always)]
    pub fn get(&self, number: u32) -> Option<&T> {
        if (number as usize) < self.length { Some(&self[number]) } else { None }
    }
}

#[inline(always)]
fn chunk_of(number: u32) -> usize {
    (number >> BITS) as usize
}

#[inline(always)]
fn place_of(number: u32) -> usize {
    number as usize % CHUNK
}

impl<T> Index<u32> for Slab<T> {
    type Output = T;

    #[inline(always)]
    fn index(&self, number: u32) -> &T {
        &self.chunks[chunk_of(number)][place_of(number)]
    }
}

impl<T> IndexMut<u32> for Slab<T> {
    #[inline(always)]
    fn index_mut(&mut self, number: u32) -> &mut T {
        &mut self.chunks[chunk_of(number)][place_of(number)]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_slab_is_a_list(entries in prop::collection::vec(any::<u16>(), 0..700), changes in any::<Vec<(u32, u16)>>()) {
            let (mut slab, mut model) = (Slab::default(), Vec::new());
            for entry in entries {
                prop_assert_eq!(slab.push(entry) as usize, model.len());
                model.push(entry);
            }
            for (number, entry) in changes {
                prop_assert_eq!(slab.get(number).copied(), model.get(number as usize).copied());
                if !model.is_empty() {
                    let number = number % u32::try_from(model.len()).expect("few");
                    slab[number] = entry;
                    model[number as usize] = entry;
                }
            }
            prop_assert!(slab.iter().eq(&model));
            prop_assert!((0..800_u32).all(|number| slab.get(number) == model.get(number as usize)));
        }
    }

    #[test]
    fn entries_stay_where_they_were_put() {
        let mut slab = Slab::default();
        for number in 0..1_000_u32 {
            assert_eq!(slab.push(u64::from(number)), number);
        }
        let first = std::ptr::from_ref(&slab[0]);
        slab[999] = 7;
        assert_eq!(slab.push(0), 1_000);
        assert_eq!((slab[0], slab[256], slab[999]), (0, 256, 7));
        assert_eq!(first, std::ptr::from_ref(&slab[0]));
        assert!(slab.iter().copied().eq((0..999).chain([7, 0])));
        assert_eq!(slab.len(), 1_001);
        assert!(slab.get(1_001).is_none() && slab.get(u32::MAX).is_none());
    }
}
