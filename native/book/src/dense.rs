//! From order ids to slots.

use std::collections::BTreeMap;

use crate::prefetch::prefetch;
use crate::words::{NIL, Slot, some};

const PAGE_BITS: u32 = 10;
const PAGE_IDS: usize = 1 << PAGE_BITS;

/// How many pages past the last one an id may lie and still get a page of its own.
const REACH: usize = 1 << 16;

type Slots = [u32; PAGE_IDS];

/// How many slots are in use stands beside the way to them: a count among the slots would be one more cache line.
#[derive(Clone, Debug, Default)]
struct Page {
    slots: Option<Box<Slots>>,
    used: u32,
}

fn no_slots() -> Box<Slots> {
    Box::new([NIL; PAGE_IDS])
}

/// The slots of orders by their ids, for ids that are given in ascending order and mostly without gaps.
///
/// Ids share pages; a page whose last order has gone is used again for other ids. An order that stays for ever keeps
/// its page and no more. What remains of passed ids is sixteen bytes a page. Ids far beyond all others are kept in a
/// tree, slower but right, so that one odd id cannot ask for memory without bound.
#[derive(Clone, Debug, Default)]
pub struct DenseIndex {
    pages: Vec<Page>,
    spare: Vec<Box<Slots>>,
    far: BTreeMap<u64, u32>,
}

impl DenseIndex {
    /// Return an empty index.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Return an empty index that has room for ids below `ids` before it allocates.
    #[must_use]
    pub fn with_capacity(ids: usize) -> Self {
        let pages = ids.div_ceil(PAGE_IDS);
        Self {
            pages: Vec::with_capacity(pages),
            spare: std::iter::repeat_with(no_slots).take(pages).collect(),
            far: BTreeMap::new(),
        }
    }

    /// The slot of an id.
    #[inline]
    #[must_use]
    pub fn get(&self, id: u64) -> Option<Slot> {
        if let Some(Page { slots: Some(slots), .. }) = self.pages.get(page_of(id)) {
            let slot = slots[place_of(id)];
            if slot != NIL {
                return Some(Slot(slot));
            }
        }
        if self.far.is_empty() { None } else { self.far.get(&id).map(|slot| Slot(*slot)) }
    }

    /// Note the slot of an id that has none.
    ///
    /// # Panics
    /// When the id has one.
    #[inline]
    pub fn insert(&mut self, id: u64, slot: Slot) {
        if let Some(Page { slots: Some(slots), used }) = self.pages.get_mut(page_of(id)) {
            let place = &mut slots[place_of(id)];
            assert!(*place == NIL && (self.far.is_empty() || !self.far.contains_key(&id)), "an id is given once");
            *place = slot.0;
            *used += 1;
        } else {
            self.insert_beyond(id, slot);
        }
    }

    #[cold]
    fn insert_beyond(&mut self, id: u64, slot: Slot) {
        let number = page_of(id);
        if number >= self.pages.len().saturating_add(REACH) {
            let before = self.far.insert(id, slot.0);
            assert!(before.is_none(), "an id is given once");
            return;
        }
        assert!(!self.far.contains_key(&id), "an id is given once");
        if number >= self.pages.len() {
            self.pages.resize(number + 1, Page::default());
        }
        let mut slots = self.spare.pop().unwrap_or_else(no_slots);
        slots[place_of(id)] = slot.0;
        self.pages[number] = Page { slots: Some(slots), used: 1 };
    }

    /// Forget an id; answers the slot that it had.
    #[inline]
    pub fn remove(&mut self, id: u64) -> Option<Slot> {
        if let Some(page) = self.pages.get_mut(page_of(id))
            && let Some(slots) = &mut page.slots
        {
            let slot = std::mem::replace(&mut slots[place_of(id)], NIL);
            if slot != NIL {
                page.used -= 1;
                if page.used == 0 {
                    self.spare.extend(page.slots.take());
                }
                return Some(Slot(slot));
            }
        }
        if self.far.is_empty() { None } else { self.far.remove(&id).and_then(some).map(Slot) }
    }

    /// As [`Self::insert`], of an id that may have been [released](Self::release).
    #[inline]
    pub fn put(&mut self, id: u64, slot: Slot) {
        if let Some(Page { slots: Some(slots), used }) = self.pages.get_mut(page_of(id)) {
            slots[place_of(id)] = slot.0;
            *used += 1;
        } else {
            self.insert_beyond(id, slot);
        }
    }

    /// As [`Self::remove`], without a look at the slot: it is left to stand, and [`Self::get`] may answer it, or one
    /// left by another id, until something is put there. So a caller has to see whose it is. What this saves is a
    /// cache line, which lies far from all others when the order is old.
    #[inline]
    pub fn release(&mut self, id: u64) {
        if !self.far.is_empty() && self.far.remove(&id).is_some() {
            return;
        }
        if let Some(page) = self.pages.get_mut(page_of(id))
            && page.slots.is_some()
        {
            page.used -= 1;
            if page.used == 0 {
                self.spare.extend(page.slots.take());
            }
        }
    }

    /// Ask for the memory where an id's slot is.
    #[inline]
    pub fn prefetch(&self, id: u64) {
        if let Some(Page { slots: Some(slots), .. }) = self.pages.get(page_of(id)) {
            prefetch(&slots[place_of(id)]);
        }
    }

    /// How many pages hold ids.
    #[must_use]
    pub fn pages_in_use(&self) -> usize {
        self.pages.iter().filter(|page| page.slots.is_some()).count()
    }
}

#[inline]
fn page_of(id: u64) -> usize {
    usize::try_from(id >> PAGE_BITS).unwrap_or(usize::MAX)
}

#[inline]
fn place_of(id: u64) -> usize {
    (id % PAGE_IDS as u64) as usize
}
