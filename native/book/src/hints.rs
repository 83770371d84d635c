//! What the processor will need soon, asked for ahead. A wrong hint costs nothing but its time.
//!
//! From a price to the end of its queue leads a chain of loads, each from what the one before brought in. A [`Way`]
//! goes it a step at a time, so that other work can be done while each arrives.

use crate::book::Book;
use crate::levels::{FANOUT, LEVEL, Levels};
use crate::prefetch::{prefetch_ends, prefetch_whole};
use crate::words::{LevelId, NIL, Side, Slot, Total};

/// How far a look for a price has come: to a branch, a level, or nowhere. It may be out of date whenever the book has
/// changed.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct Way(u32);

impl Way {
    /// It leads nowhere.
    pub const NOWHERE: Self = Self(NIL);
}

impl<S: Total> Levels<S> {
    /// From a branch, which has arrived, to what it has for a key, which has not.
    #[inline(always)]
    fn through(&self, at: u32, key: u64) -> Way {
        let Some(branch) = self.branches.get(at as usize) else { return Way::NOWHERE };
        let place = branch.place(key);
        if place >= FANOUT as u64 || branch.occupied >> place & 1 == 0 {
            return Way::NOWHERE;
        }
        let next = branch.children[place as usize];
        if next & LEVEL != 0 {
            if let Some(level) = self.levels.get((next & !LEVEL) as usize) {
                prefetch_ends(level);
            }
        } else if let Some(branch) = self.branches.get(next as usize) {
            // Which of its lines has the child is known when its first one has arrived, a step later than this.
            prefetch_whole(branch);
        }
        Way(next)
    }
}

impl<T, S: Total> Book<T, S> {
    /// Set out for a level of a side.
    #[inline(always)]
    pub fn set_out(&self, side: Side) -> Way {
        let top = self.levels.roots[side as usize].top;
        if let Some(branch) = self.levels.branches.get(top as usize) {
            prefetch_whole(branch);
        }
        Way(top)
    }

    /// Take the next step to what was asked for; a way that has come to a level stays there.
    #[inline(always)]
    pub fn go_on(&self, way: Way, side: Side, price: i64) -> Way {
        if way.0 & LEVEL != 0 { way } else { self.levels.through(way.0, side.key(price)) }
    }

    /// The level to which a way has led: that of the price, if it has one.
    #[inline(always)]
    #[must_use]
    pub fn arrived(&self, way: Way) -> Option<LevelId> {
        if way.0 & LEVEL != 0 && way.0 != NIL { Some(LevelId(way.0 & !LEVEL)) } else { None }
    }

    /// Ask for the last order of the level to which a way led.
    #[inline(always)]
    pub fn prefetch_end(&self, way: Way) {
        if way.0 & LEVEL != 0
            && let Some(level) = self.levels.levels.get((way.0 & !LEVEL) as usize)
        {
            self.prefetch(Slot(level.tail));
        }
    }

    /// Ask for the memory where an order is.
    #[inline(always)]
    pub fn prefetch(&self, slot: Slot) {
        if let Some(node) = self.nodes.get(slot.index()) {
            prefetch_ends(node);
        }
    }

    /// Ask for an order's neighbours and its level.
    #[inline(always)]
    pub fn prefetch_near(&self, slot: Slot) {
        let Some(node) = self.nodes.get(slot.index()) else { return };
        self.prefetch(Slot(node.previous));
        self.prefetch(Slot(node.next));
        if let Some(level) = self.levels.levels.get(node.level as usize) {
            prefetch_ends(level);
        }
    }

    /// Ask for where the next order will be put, and its level when that is new.
    #[inline(always)]
    pub fn prefetch_room(&self) {
        self.prefetch(Slot(self.free));
        if let Some(level) = self.levels.levels.get(self.levels.free_level as usize) {
            prefetch_ends(level);
        }
    }

    /// The order behind another one in its level.
    #[inline(always)]
    #[must_use]
    pub fn behind(&self, slot: Slot) -> Option<Slot> {
        let node = self.nodes.get(slot.index())?;
        if node.next == NIL { None } else { Some(Slot(node.next)) }
    }

    /// As [`Self::payload`], of any slot.
    #[inline(always)]
    #[must_use]
    pub fn payload_if(&self, slot: Slot) -> Option<&T> {
        self.nodes.get(slot.index()).map(|node| &node.payload)
    }
}
