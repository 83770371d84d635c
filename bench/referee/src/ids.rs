//! From the benchmark's order ids to slots.
//!
//! The ids are dense but come in random order, and few of them rest at a time: an array by id would spread the resting
//! ones over more memory than caches hold. So the ids that rest share a small table, searched from a cell given by a
//! fixed hash to the first empty one. It holds no ids: the caller says whether a slot's order is the one meant.

use openbourse_book::Slot;

const EMPTY: u64 = 0;
const BITS_FIRST: u32 = 10;

/// A cell number.
pub type Place = usize;

/// A cell holds the upper half of the hash and, in the lower half, the slot + 1.
pub struct Ids {
    cells: Box<[u64]>,
    /// By how much to shift a hash so that its home remains.
    shift: u32,
    used: usize,
}

/// The upper bits, which give the home, are those that a multiplication mixes best.
#[inline]
fn hash(id: u64) -> u64 {
    id.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[inline]
fn slot(cell: u64) -> Slot {
    Slot::new((cell as u32).wrapping_sub(1))
}

impl Ids {
    pub fn new() -> Self {
        Self { cells: vec![EMPTY; 1 << BITS_FIRST].into(), shift: 64 - BITS_FIRST, used: 0 }
    }

    #[inline]
    fn home(&self, cell: u64) -> usize {
        (cell >> self.shift) as usize & (self.cells.len() - 1)
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.cells.len() - 1)
    }

    /// The cell of an id.
    #[inline]
    pub fn find(&self, id: u64, is_meant: impl Fn(Slot) -> bool) -> Option<Place> {
        let hash = hash(id);
        let mut at = self.home(hash);
        loop {
            let cell = self.cells[at];
            if cell == EMPTY {
                return None;
            }
            if (cell ^ hash) >> 32 == 0 && is_meant(slot(cell)) {
                return Some(at);
            }
            at = self.after(at);
        }
    }

    #[inline]
    pub fn at(&self, place: Place) -> Slot {
        slot(self.cells[place])
    }

    /// Note the slot of an id that has none.
    #[inline]
    pub fn insert(&mut self, id: u64, slot: Slot) {
        if self.used * 4 >= self.cells.len() {
            self.grow();
        }
        self.used += 1;
        self.put(hash(id) >> 32 << 32 | (slot.index() as u64 + 1));
    }

    #[inline]
    fn put(&mut self, cell: u64) {
        let mut at = self.home(cell);
        while self.cells[at] != EMPTY {
            at = self.after(at);
        }
        self.cells[at] = cell;
    }

    #[cold]
    fn grow(&mut self) {
        let larger = vec![EMPTY; self.cells.len() * 2].into();
        self.shift -= 1;
        for cell in std::mem::replace(&mut self.cells, larger) {
            if cell != EMPTY {
                self.put(cell);
            }
        }
    }

    /// Empty a cell and close the hole, so that no search stops short.
    #[inline]
    pub fn remove(&mut self, place: Place) {
        self.used -= 1;
        let (mut hole, mut at) = (place, self.after(place));
        loop {
            let cell = self.cells[at];
            if cell == EMPTY {
                break;
            }
            // What lies at least as far from its home as from the hole may move there.
            let (from_home, from_hole) = (at.wrapping_sub(self.home(cell)), at.wrapping_sub(hole));
            if from_home & (self.cells.len() - 1) >= from_hole & (self.cells.len() - 1) {
                self.cells[hole] = cell;
                hole = at;
            }
            at = self.after(at);
        }
        self.cells[hole] = EMPTY;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_resting_id_is_found_through_growth_and_removal() {
        let mut ids = Ids::new();
        let mut model = BTreeMap::new();
        let mut owners = vec![0_u64; 80_000];
        let mut free: Vec<usize> = (0..owners.len()).collect();
        let mut random = 1_u64;
        for step in 0..400_000_u64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Few enough ids that all meet again.
            let id = (random >> 40) % 40_000 * if step % 3 == 0 { 1 } else { 1 << 32 };
            let found = ids.find(id, |slot| owners[slot.index()] == id);
            assert_eq!(found.map(|place| ids.at(place).index()), model.get(&id).copied(), "step {step}");
            let is_filling = step / 30_000 % 3 != 2;
            match found {
                Some(place) if random >> 20 & 3 == 0 || !is_filling => {
                    ids.remove(place);
                    free.extend(model.remove(&id));
                }
                None if is_filling => {
                    let slot = free.pop().expect("there are as many slots as ids");
                    owners[slot] = id;
                    model.insert(id, slot);
                    ids.insert(id, Slot::new(slot as u32));
                }
                _ => {}
            }
        }
    }
}
