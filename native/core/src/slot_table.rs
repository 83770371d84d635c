//! From a key's hash to the slot where the key lives, growing a little at a time.
//!
//! An ordinary hash table that doubles moves everything at once, and a venue stops for as long as that takes. This one
//! moves a few cells with every change, so that no single command pays. It holds no keys: the caller says whether the
//! key that lives in a slot is the one meant.

use openbourse_book::prefetch;

use crate::bucket::{self, CELLS, WORDS};
use crate::cells::Cells;

const BITS_MIN: u32 = 1;
/// Buckets of the old table that every change moves: with a load of at most 3/4 the move is over well before the new
/// table is full.
const MOVED_A_CHANGE: usize = 1;
/// Old memory is given back in pieces of this many buckets, since giving back much at once takes long too.
const GIVEN_BACK: usize = 1 << 12;

#[inline(always)]
fn tag_of(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// Spread the bits of a key over all 64; the same everywhere.
#[inline]
pub fn mixed(key: u64) -> u64 {
    let mut bits = key.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// The table. Only the upper half of a hash is kept, and equal hashes are fine.
#[derive(Clone)]
pub struct SlotTable {
    now: Cells,
    /// The cells that are being moved, from the last to the first.
    old: Option<Cells>,
}

impl Default for SlotTable {
    fn default() -> Self {
        Self { now: Cells::new(BITS_MIN), old: None }
    }
}

impl SlotTable {
    /// An empty table with room for so many slots.
    pub fn with_capacity(slots: usize) -> Self {
        let cells = (slots + slots / 3 + 2).next_power_of_two();
        Self { now: Cells::new((cells / CELLS).max(1).trailing_zeros().max(BITS_MIN)), old: None }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.now.used + self.old.as_ref().map_or(0, |old| old.used)
    }

    #[inline(always)]
    pub fn find(&self, hash: u64, mut is_meant: impl FnMut(u32) -> bool) -> Option<u32> {
        if let Some((at, place)) = self.now.find(tag_of(hash), &mut is_meant) {
            return Some(bucket::slot(self.now.at(at), place));
        }
        let old = self.old.as_ref()?;
        old.find_old(tag_of(hash), is_meant).map(|(at, place)| bucket::slot(old.at(at), place))
    }

    /// Ask for the memory where a search for this hash begins.
    #[inline(always)]
    pub fn prefetch(&self, hash: u64) {
        prefetch(self.now.at(self.now.home(tag_of(hash))));
        if let Some(old) = &self.old
            && let Some(bucket) = old.get(old.home(tag_of(hash)))
        {
            prefetch(bucket);
        }
    }

    /// The slot of the first key with this hash, as a hint.
    #[inline(always)]
    pub fn first(&self, hash: u64) -> Option<u32> {
        let bucket = self.now.at(self.now.home(tag_of(hash)));
        let candidates = bucket::tagged(bucket, tag_of(hash));
        if candidates != 0 {
            return Some(bucket::slot(bucket, candidates.trailing_zeros()));
        }
        if self.old.is_none() && bucket::empty(bucket) != 0 { None } else { self.first_far(hash) }
    }

    #[inline(never)]
    fn first_far(&self, hash: u64) -> Option<u32> {
        self.find(hash, |_| true)
    }

    /// Add a slot below `u32::MAX - 1` whose key is not in the table.
    #[inline(always)]
    pub fn insert(&mut self, hash: u64, slot: u32) {
        debug_assert!(slot < u32::MAX - 1);
        if self.old.is_some() {
            self.move_old();
        } else if self.now.is_full() {
            self.grow();
        }
        self.now.insert(tag_of(hash), slot);
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        let bits = self.now.bits + 1;
        self.old = Some(std::mem::replace(&mut self.now, Cells::new(bits)));
    }

    /// Take a slot out; no other key has the same one. Answers whether it was there.
    #[inline(always)]
    pub fn remove(&mut self, hash: u64, slot: u32) -> bool {
        self.move_some();
        if let Some(place) = self.now.find_slot(tag_of(hash), slot) {
            self.now.remove(place);
            return true;
        }
        self.remove_old(hash, slot)
    }

    #[cold]
    #[inline(never)]
    fn remove_old(&mut self, hash: u64, slot: u32) -> bool {
        let Some(old) = &mut self.old else { return false };
        let Some((at, place)) = old.find_old(tag_of(hash), |found| found == slot) else { return false };
        bucket::mark_gone(old.at_mut(at), place);
        old.used -= 1;
        true
    }

    /// Go on with a growth that is under way, for a table that changes seldom.
    #[inline(always)]
    pub fn move_some(&mut self) {
        if self.old.is_some() {
            self.move_old();
        }
    }

    #[inline(never)]
    fn move_old(&mut self) {
        let Some(old) = self.old.as_mut() else { return };
        for _ in 0..MOVED_A_CHANGE {
            let Some(last) = old.last() else { break };
            let bucket = *old.at(last);
            for place in 0..CELLS as u32 {
                if bucket::empty(&bucket) >> place & 1 == 0 && !bucket::is_gone(&bucket, place) {
                    old.used -= 1;
                    self.now.insert(bucket::tag(&bucket, place), bucket::slot(&bucket, place));
                }
            }
            old.words.truncate(old.start + last * WORDS);
        }
        if old.last().is_none() {
            self.old = None;
        } else if old.words.capacity() - old.words.len() >= GIVEN_BACK * WORDS {
            old.words.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::collections::btree_map::Entry;

    use proptest::prelude::*;

    use super::*;

    /// Keys that share homes and upper halves, so that runs of cells grow, wrap round and are closed again.
    fn crowded_hash(key: u16) -> u64 {
        match key % 4 {
            0 => u64::MAX - u64::from(key % 3),
            1 => u64::from(key / 64) << 60,
            2 => mixed(u64::from(key / 8)),
            _ => mixed(u64::from(key)),
        }
    }

    proptest! {
        #[test]
        fn a_slot_table_is_a_map(steps in prop::collection::vec((0..400_u16, 0..4_u8), 1..600)) {
            let mut table = SlotTable::default();
            let mut model: BTreeMap<u16, u32> = BTreeMap::new();
            let mut keys: Vec<u16> = Vec::new();
            for (key, what) in steps {
                let hash = crowded_hash(key);
                let meant = |slot: u32| keys[slot as usize] == key;
                prop_assert_eq!(table.find(hash, meant), model.get(&key).copied());
                if what == 0 {
                    let slot = model.remove(&key);
                    prop_assert_eq!(table.remove(hash, slot.unwrap_or(u32::MAX - 2)), slot.is_some());
                } else if what == 1 {
                    table.move_some();
                } else if let Entry::Vacant(place) = model.entry(key) {
                    table.insert(hash, *place.insert(u32::try_from(keys.len()).expect("few")));
                    keys.push(key);
                }
                table.prefetch(hash);
                prop_assert_eq!(table.len(), model.len());
            }
            for key in 0..400 {
                let found = table.find(crowded_hash(key), |slot| keys[slot as usize] == key);
                prop_assert_eq!(found, model.get(&key).copied());
            }
        }
    }

    fn check(spread: u64, steps: u64) {
        let mut table = SlotTable::default();
        let mut keys: Vec<u64> = Vec::new();
        let mut model: BTreeMap<u64, u32> = BTreeMap::new();
        let mut draw = 1;
        for step in 0..steps {
            draw = mixed(draw);
            let key = draw % spread;
            let hash = mixed(key / 3);
            let found = table.find(hash, |slot| keys[slot as usize] == key);
            assert_eq!(found, model.get(&key).copied());
            let grows = step < steps / 2;
            match found {
                None => {
                    let slot = u32::try_from(keys.len()).expect("few steps");
                    keys.push(key);
                    table.insert(hash, slot);
                    model.insert(key, slot);
                }
                Some(_) if grows && draw & 3 != 0 => {}
                Some(slot) => {
                    assert!(table.remove(hash, slot) && !table.remove(hash, slot));
                    model.remove(&key);
                    assert_eq!(table.find(hash, |slot| keys[slot as usize] == key), None);
                }
            }
            assert_eq!(table.len(), model.len());
        }
        for (key, slot) in &model {
            assert_eq!(table.find(mixed(key / 3), |slot| keys[slot as usize] == *key), Some(*slot));
        }
    }

    #[test]
    fn every_key_is_found_until_it_is_removed() {
        check(40, 20_000);
        check(5_000, 60_000);
        check(400_000, 400_000);
    }

    #[test]
    fn a_table_with_room_takes_that_many_without_growing() {
        for slots in [0, 1, 11, 12, 13, 100, 3_000, 50_000] {
            let mut table = SlotTable::with_capacity(slots);
            for slot in 0..u32::try_from(slots).expect("few") {
                table.insert(mixed(u64::from(slot)), slot);
            }
            assert!(table.old.is_none() && table.len() == slots);
        }
    }

    #[test]
    fn one_home_for_all_still_works() {
        let mut table = SlotTable::default();
        for slot in 0..500 {
            table.insert(0, slot);
        }
        for slot in (0..500).rev() {
            assert!(table.remove(0, slot));
        }
        assert_eq!(table.len(), 0);
    }
}
