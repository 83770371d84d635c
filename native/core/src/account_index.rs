//! From account ids to the slots where the accounts are.

use openbourse_book::prefetch;

use crate::slot_table::{SlotTable, mixed};

/// Ids below this are found by two looks: accounts are opened one after the other, so their ids lie close together.
const NEAR: u64 = 1 << 24;
const PAGE: usize = 1 << 10;
const NONE: u32 = u32::MAX;

/// The slots of accounts by their ids. It grows by a page of ids at a time, or as a [`SlotTable`] does.
#[derive(Clone, Default)]
pub struct AccountIndex {
    near: Vec<Option<Box<[u32; PAGE]>>>,
    far: SlotTable,
}

#[inline(always)]
fn page_of(id: u64) -> usize {
    (id / PAGE as u64) as usize
}

#[inline(always)]
fn place_of(id: u64) -> usize {
    id as usize % PAGE
}

impl AccountIndex {
    /// Where a near id's slot is, if its page is there.
    #[inline(always)]
    fn place(&self, id: u64) -> Option<&u32> {
        let page = self.near.get(page_of(id))?.as_ref()?;
        Some(&page[place_of(id)])
    }

    #[inline(always)]
    pub fn find(&self, id: u64, is_meant: impl FnMut(u32) -> bool) -> Option<u32> {
        if id < NEAR { self.place(id).copied().filter(|slot| *slot != NONE) } else { self.find_far(id, is_meant) }
    }

    #[cold]
    fn find_far(&self, id: u64, is_meant: impl FnMut(u32) -> bool) -> Option<u32> {
        self.far.find(mixed(id), is_meant)
    }

    /// The slot of what is likely the account with an id, as a hint.
    #[inline(always)]
    pub fn first(&self, id: u64) -> Option<u32> {
        if id < NEAR { self.place(id).copied().filter(|slot| *slot != NONE) } else { self.far.first(mixed(id)) }
    }

    /// Ask for where the slot of an id is.
    #[inline(always)]
    pub fn prefetch(&self, id: u64) {
        if id >= NEAR {
            self.far.prefetch(mixed(id));
        } else if let Some(place) = self.place(id) {
            prefetch(place);
        }
    }

    /// Add the slot of an id that has none.
    pub fn insert(&mut self, id: u64, slot: u32) {
        if id >= NEAR {
            self.far.insert(mixed(id), slot);
            return;
        }
        let page = page_of(id);
        if page >= self.near.len() {
            self.near.resize(page + 1, None);
        }
        self.near[page].get_or_insert_with(|| Box::new([NONE; PAGE]))[place_of(id)] = slot;
    }

    /// Do a little of what is left to do after growth.
    #[inline(always)]
    pub fn tend(&mut self) {
        self.far.move_some();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_found_by_near_and_far_ids() {
        let ids = [1, 1_000, 1_023, 1_024, 70_000, NEAR - 1, NEAR, NEAR + 1, u64::MAX / 3, u64::MAX];
        let mut index = AccountIndex::default();
        for (slot, id) in (0..).zip(ids) {
            assert_eq!(index.find(id, |_| true), None);
            index.insert(id, slot);
        }
        for (slot, id) in (0..).zip(ids) {
            assert_eq!(index.find(id, |found| ids[found as usize] == id), Some(slot));
            assert_eq!(index.first(id), Some(slot));
            index.prefetch(id);
        }
        for id in [0, 2, 999, 2_000, 69_999, NEAR - 2, NEAR + 2, u64::MAX - 1] {
            assert_eq!(index.find(id, |found| ids[found as usize] == id), None);
            index.prefetch(id);
        }
        index.tend();
    }
}
