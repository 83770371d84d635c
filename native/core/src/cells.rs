//! The buckets of a slot table: found from a tag's home on, with what did not fit in the buckets after it.

use crate::bucket::{self, Bucket, CELLS, WORDS};

/// Where a cell is: its bucket and its place there.
pub type Place = (usize, u32);

/// One array of buckets, searched from a hash's home to the first bucket that has an empty cell.
#[derive(Clone)]
pub struct Cells {
    /// Buckets as words, so that fresh memory, which is zero, is an empty table. It may be shorter than it was: what
    /// is missing at the end counts as full.
    pub words: Vec<u64>,
    /// Where the first bucket begins, so that each is one cache line.
    pub start: usize,
    pub bits: u32,
    /// What a tag is shifted by to its home.
    shift: u32,
    pub used: usize,
    /// As many cells are in use when it is full: three quarters.
    used_max: usize,
}

impl Cells {
    pub fn new(bits: u32) -> Self {
        let words = vec![0; (WORDS << bits) + WORDS - 1];
        let start = words.as_ptr().align_offset(64).min(WORDS - 1);
        Self { words, start, bits, shift: u32::BITS - bits, used: 0, used_max: (CELLS << bits) / 4 * 3 }
    }

    #[inline(always)]
    fn mask(&self) -> usize {
        1_usize.wrapping_shl(self.bits) - 1
    }

    /// Whether it should grow before it takes in more.
    #[inline(always)]
    pub fn is_full(&self) -> bool {
        self.used >= self.used_max
    }

    /// The upper bits of a hash, so that cells know their home by their tags.
    #[inline(always)]
    pub fn home(&self, tag: u32) -> usize {
        tag.wrapping_shr(self.shift) as usize
    }

    /// The last bucket that is still there, while any is.
    pub fn last(&self) -> Option<usize> {
        ((self.words.len() - self.start) / WORDS).min(1 << self.bits).checked_sub(1)
    }

    #[inline(always)]
    pub fn get(&self, bucket: usize) -> Option<&Bucket> {
        self.words.get(self.start.wrapping_add(bucket * WORDS)..)?.first_chunk()
    }

    #[inline(always)]
    pub fn at(&self, bucket: usize) -> &Bucket {
        self.get(bucket).expect("a bucket below the mask")
    }

    #[inline(always)]
    pub fn at_mut(&mut self, bucket: usize) -> &mut Bucket {
        self.words[self.start.wrapping_add(bucket * WORDS)..].first_chunk_mut().expect("a bucket below the mask")
    }

    /// Find a key's cell where nothing is missing: a quarter of the cells is empty, so a search ends.
    #[inline(always)]
    pub fn find(&self, tag: u32, mut is_meant: impl FnMut(u32) -> bool) -> Option<Place> {
        let mut at = self.home(tag);
        loop {
            let bucket = self.at(at);
            let mut candidates = bucket::tagged(bucket, tag);
            while candidates != 0 {
                let place = candidates.trailing_zeros();
                if is_meant(bucket::slot(bucket, place)) {
                    return Some((at, place));
                }
                candidates &= candidates - 1;
            }
            if bucket::empty(bucket) != 0 {
                return None;
            }
            at = (at + 1) & self.mask();
        }
    }

    /// Find the cell of a slot that is in the table nowhere else, where nothing is missing.
    #[inline(always)]
    pub fn find_slot(&self, tag: u32, slot: u32) -> Option<Place> {
        let mut at = self.home(tag);
        loop {
            let bucket = self.at(at);
            let found = bucket::with_slot(bucket, slot);
            if found != 0 {
                return Some((at, found.trailing_zeros()));
            }
            if bucket::empty(bucket) != 0 {
                return None;
            }
            at = (at + 1) & self.mask();
        }
    }

    /// Find a key's cell among those that are being moved away.
    #[cold]
    pub fn find_old(&self, tag: u32, mut is_meant: impl FnMut(u32) -> bool) -> Option<Place> {
        let mut at = self.home(tag);
        // At most once around: there may be no empty cell left.
        for _ in 0..=self.mask() {
            let Some(bucket) = self.get(at) else {
                at = 0;
                continue;
            };
            let is_found = |place: &u32| {
                bucket::tagged(bucket, tag) >> place & 1 == 1
                    && !bucket::is_gone(bucket, *place)
                    && is_meant(bucket::slot(bucket, *place))
            };
            if let Some(place) = (0..CELLS as u32).find(is_found) {
                return Some((at, place));
            }
            if bucket::empty(bucket) != 0 {
                return None;
            }
            at = (at + 1) & self.mask();
        }
        None
    }

    #[inline(always)]
    pub fn insert(&mut self, tag: u32, slot: u32) {
        let mut at = self.home(tag);
        let (bucket, empty) = loop {
            let empty = bucket::empty(self.at(at));
            if empty != 0 {
                break (self.at_mut(at), empty);
            }
            at = (at + 1) & self.mask();
        };
        bucket::set(bucket, empty.trailing_zeros(), tag, slot);
        self.used += 1;
    }

    /// Empty a cell.
    #[inline(always)]
    pub fn remove(&mut self, (at, place): Place) {
        let was_full = bucket::empty(self.at(at)) == 0;
        bucket::clear(self.at_mut(at), place);
        self.used -= 1;
        if was_full {
            self.close(at);
        }
    }

    /// Close the hole in a bucket that was full, so that no search stops short: what had to go further comes back.
    #[inline(never)]
    fn close(&mut self, mut hole: usize) {
        let mut at = hole;
        loop {
            at = (at + 1) & self.mask();
            let bucket = *self.at(at);
            let is_last = bucket::empty(&bucket) != 0;
            let distance = at.wrapping_sub(hole) & self.mask();
            let comes_back = |place: &u32| {
                let home = self.home(bucket::tag(&bucket, *place));
                bucket::empty(&bucket) >> place & 1 == 0 && at.wrapping_sub(home) & self.mask() >= distance
            };
            if let Some(place) = (0..CELLS as u32).find(comes_back) {
                let (tag, slot) = (bucket::tag(&bucket, place), bucket::slot(&bucket, place));
                let to = self.at_mut(hole);
                bucket::set(to, bucket::empty(to).trailing_zeros(), tag, slot);
                bucket::clear(self.at_mut(at), place);
                hole = at;
            }
            if is_last {
                return;
            }
        }
    }
}
