//! Every link and sum of a book and its tree of levels, checked.

use crate::book::Book;
use crate::levels::{FANOUT, LEVEL, Levels};
use crate::words::{LevelId, NIL, Side, Total};

impl<T, S: Total> Book<T, S> {
    /// Check every link and sum of the book.
    ///
    /// # Panics
    /// When one is wrong.
    pub fn audit(&self) {
        let mut levels = 0;
        for side in Side::BOTH {
            let mut orders = 0;
            for level in self.levels.audit(side) {
                orders += self.audit_queue(level);
                levels += 1;
            }
            assert_eq!(orders, self.count(side), "the orders of a side are counted");
        }
        assert_eq!(levels, self.level_count(), "levels are counted");
        self.levels.audit_free();
        let mut free = 0;
        let mut at = self.free;
        while at != NIL {
            let node = &self.nodes[at as usize];
            assert_eq!(node.level, NIL, "a free slot is in no level");
            free += 1;
            at = node.next;
        }
        assert_eq!(self.nodes.len(), free + self.len(), "a slot rests or is free");
    }

    fn audit_queue(&self, level: u32) -> usize {
        let queue = self.levels.at(level);
        let (mut orders, mut total, mut previous) = (0, S::default(), NIL);
        for slot in self.orders_in(LevelId(level)) {
            let node = &self.nodes[slot.index()];
            assert_eq!((node.level, node.previous), (level, previous), "an order knows its level and neighbour");
            assert!(node.quantity > 0);
            total.grow(node.quantity);
            previous = slot.0;
            orders += 1;
        }
        assert!(orders > 0, "a level has orders");
        assert_eq!(queue.tail, previous, "the tail is the last");
        assert_eq!(queue.total, total, "the total is what rests");
        orders
    }
}

impl<S: Total> Levels<S> {
    /// Walk the whole tree of a side and check every rule of its form; answers its levels from the best.
    pub(crate) fn audit(&self, side: Side) -> Vec<u32> {
        let root = &self.roots[side as usize];
        let mut found = Vec::new();
        if root.top != NIL {
            self.audit_under(root.top, NIL, side, &mut found);
        }
        assert!(found.is_sorted_by_key(|level| self.at(*level).key), "levels ascend by key");
        assert_eq!(root.best, found.first().copied().unwrap_or(NIL), "the best level is the first");
        assert_eq!(root.best_key, found.first().map_or(u64::MAX, |level| self.at(*level).key));
        found
    }

    fn audit_under(&self, at: u32, parent: u32, side: Side, found: &mut Vec<u32>) {
        if at & LEVEL != 0 {
            let level = self.at(at & !LEVEL);
            assert_eq!(level.branch, parent, "a level knows its branch");
            assert_eq!(level.side, side);
            found.push(at & !LEVEL);
            return;
        }
        let branch = &self.branches[at as usize];
        assert_eq!(branch.parent, parent, "a branch knows the one above");
        assert!(branch.occupied != 0, "a branch has children");
        assert!(!branch.occupied.is_power_of_two() || branch.first() & LEVEL != 0, "an only child is a level");
        assert_eq!(branch.base >> branch.shift & (FANOUT as u64 - 1), 0);
        for place in (0..FANOUT).filter(|place| branch.occupied >> place & 1 == 1) {
            let from = found.len();
            self.audit_under(branch.children[place], at, side, found);
            for level in &found[from..] {
                assert_eq!(branch.place(self.at(*level).key), place as u64, "a key stands where it says");
            }
        }
    }

    pub(crate) fn audit_free(&self) {
        let mut free = 0;
        let mut at = self.free_level;
        while at != NIL {
            free += 1;
            at = self.levels[at as usize].branch;
        }
        assert_eq!(self.levels.len(), free + self.count(), "a level is in use or free");
    }
}
