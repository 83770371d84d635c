//! The levels of both sides and the way from a price to its level.

use crate::words::{LevelId, NIL, Side, Total, some};

/// Marks a reference to a level; one without it names a branch.
pub(crate) const LEVEL: u32 = 1 << 31;

/// How many bits of a key choose a branch's child.
const BITS: u32 = 6;
pub(crate) const FANOUT: usize = 1 << BITS;

/// One price and its queue.
#[derive(Clone, Debug)]
pub(crate) struct Level<S> {
    pub key: u64,
    pub total: S,
    pub head: u32,
    pub tail: u32,
    /// The branch whose child it is. Of a free level: the next free one, and `head` is [`NIL`].
    pub branch: u32,
    pub side: Side,
}

impl<S: Total> Level<S> {
    /// Let an order be the last; what was the last is for the caller to link.
    #[inline]
    pub(crate) fn join(&mut self, slot: u32, quantity: i64) {
        self.total.grow(quantity);
        if self.tail == NIL {
            self.head = slot;
        }
        self.tail = slot;
    }
}

/// A fork of the tree: its keys share all bits above `shift + BITS`.
///
/// A branch is made where two keys differ. It stays while it has two children, or one that is a level: levels of a
/// sparse book come and go, and the next one is likely to need the branch again. So there are at most twice as many
/// branches as levels, and a path is never longer than the eleven groups of bits of a key.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(crate) struct Branch {
    /// The shared bits, the rest zero: a key of this branch gives its child as `(key ^ base) >> shift`, any other
    /// key gives a number past the last child.
    pub base: u64,
    pub occupied: u64,
    pub shift: u32,
    /// The branch above. Of a free branch: the next free one.
    pub parent: u32,
    pub children: [u32; FANOUT],
}

impl Branch {
    #[inline]
    pub(crate) fn place(&self, key: u64) -> u64 {
        (key ^ self.base) >> self.shift
    }

    #[inline]
    pub(crate) fn first(&self) -> u32 {
        self.children[self.occupied.trailing_zeros() as usize % FANOUT]
    }

    #[inline]
    fn last(&self) -> u32 {
        self.children[(self.occupied.leading_zeros() as usize ^ (FANOUT - 1)) % FANOUT]
    }
}

/// One side's way in.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    pub top: u32,
    pub best: u32,
    pub best_key: u64,
}

/// The levels of a book, in price order on each side.
#[derive(Clone, Debug)]
pub struct Levels<S> {
    pub(crate) levels: Vec<Level<S>>,
    pub(crate) branches: Vec<Branch>,
    pub(crate) free_level: u32,
    free_branch: u32,
    pub(crate) roots: [Root; 2],
    count: u32,
}

impl<S: Total> Levels<S> {
    pub(crate) fn new() -> Self {
        let root = Root { top: NIL, best: NIL, best_key: u64::MAX };
        Self {
            levels: Vec::new(),
            branches: Vec::new(),
            free_level: NIL,
            free_branch: NIL,
            roots: [root.clone(), root],
            count: 0,
        }
    }

    pub(crate) fn reserve(&mut self, levels: usize) {
        self.levels.reserve(levels);
        self.branches.reserve(levels / 8);
    }

    #[inline]
    pub(crate) fn at(&self, level: u32) -> &Level<S> {
        &self.levels[level as usize]
    }

    #[inline]
    pub(crate) fn get(&self, level: u32) -> Option<&Level<S>> {
        self.levels.get(level as usize)
    }

    #[inline]
    pub(crate) fn at_mut(&mut self, level: u32) -> &mut Level<S> {
        &mut self.levels[level as usize]
    }

    pub(crate) fn count(&self) -> usize {
        self.count as usize
    }

    #[inline]
    pub(crate) fn best(&self, side: Side) -> u32 {
        self.roots[side as usize].best
    }

    /// The key of the side's best level, or the highest key when the side is empty.
    #[inline]
    pub(crate) fn best_key(&self, side: Side) -> u64 {
        self.roots[side as usize].best_key
    }

    /// The level of a key, or [`NIL`].
    #[inline]
    pub(crate) fn find(&self, side: Side, key: u64) -> u32 {
        let mut at = self.roots[side as usize].top;
        while at & LEVEL == 0 {
            let branch = &self.branches[at as usize];
            let place = branch.place(key);
            if place >= FANOUT as u64 || branch.occupied >> place & 1 == 0 {
                return NIL;
            }
            at = branch.children[place as usize];
        }
        if at == NIL || self.levels[(at & !LEVEL) as usize].key != key {
            return NIL;
        }
        at & !LEVEL
    }

    /// The level of a key, made when there is none. The caller gives a new one its first order.
    #[inline]
    pub(crate) fn find_or_make(&mut self, side: Side, key: u64) -> u32 {
        let mut parent = NIL;
        let mut at = self.roots[side as usize].top;
        while at & LEVEL == 0 {
            let branch = &self.branches[at as usize];
            let place = branch.place(key);
            if place >= FANOUT as u64 {
                return self.fork(side, key, parent, at, branch.base);
            }
            if branch.occupied >> place & 1 == 0 {
                return self.make_in(side, key, at);
            }
            parent = at;
            at = branch.children[place as usize];
        }
        if at == NIL {
            let level = self.make(side, key, NIL);
            self.roots[side as usize].top = level | LEVEL;
            return level;
        }
        let found = self.levels[(at & !LEVEL) as usize].key;
        if found == key { at & !LEVEL } else { self.fork(side, key, parent, at, found) }
    }

    /// Make a level as the child of a branch that has its place free.
    fn make_in(&mut self, side: Side, key: u64, at: u32) -> u32 {
        let level = self.make(side, key, at);
        let branch = &mut self.branches[at as usize];
        let place = branch.place(key);
        branch.occupied |= 1 << place;
        branch.children[place as usize] = level | LEVEL;
        level
    }

    /// Make a level beside `sibling`, a level or branch with a key `other`, under a new branch where they differ.
    fn fork(&mut self, side: Side, key: u64, parent: u32, sibling: u32, other: u64) -> u32 {
        let shift = (63 - (key ^ other).leading_zeros()) / BITS * BITS;
        let base = (key >> shift >> BITS) << BITS << shift;
        if parent != NIL && self.branches[parent as usize].occupied.is_power_of_two() {
            // The sibling is a level, and the branch that has it alone is free to move to where the two differ.
            let branch = &mut self.branches[parent as usize];
            branch.base = base;
            branch.shift = shift;
            let place = branch.place(other);
            branch.occupied = 1 << place;
            branch.children[place as usize] = sibling;
            return self.make_in(side, key, parent);
        }
        let fork = self.take_branch(base, shift, parent);
        let branch = &mut self.branches[fork as usize];
        let place = branch.place(other);
        branch.occupied = 1 << place;
        branch.children[place as usize] = sibling;
        self.set_parent(sibling, fork);
        self.replace(side, parent, base, fork);
        self.make_in(side, key, fork)
    }

    fn take_branch(&mut self, base: u64, shift: u32, parent: u32) -> u32 {
        let at = self.free_branch;
        if at == NIL {
            let at = u32::try_from(self.branches.len()).expect("branches are fewer than levels");
            self.branches.push(Branch { base, occupied: 0, shift, parent, children: [NIL; FANOUT] });
            return at;
        }
        let branch = &mut self.branches[at as usize];
        self.free_branch = branch.parent;
        branch.base = base;
        branch.shift = shift;
        branch.parent = parent;
        at
    }

    #[inline]
    fn set_parent(&mut self, child: u32, parent: u32) {
        if child & LEVEL == 0 {
            self.branches[child as usize].parent = parent;
        } else {
            self.levels[(child & !LEVEL) as usize].branch = parent;
        }
    }

    /// Let what stands above the key in `parent`, or the root, be `child` from now on.
    #[inline]
    fn replace(&mut self, side: Side, parent: u32, key: u64, child: u32) {
        if parent == NIL {
            self.roots[side as usize].top = child;
        } else {
            let branch = &mut self.branches[parent as usize];
            let place = branch.place(key);
            branch.children[place as usize] = child;
        }
    }

    fn make(&mut self, side: Side, key: u64, branch: u32) -> u32 {
        let made = Level { key, total: S::default(), head: NIL, tail: NIL, branch, side };
        let level = self.free_level;
        let level = if level == NIL {
            self.levels.push(made);
            let level = u32::try_from(self.levels.len() - 1).unwrap_or(NIL);
            assert!(level < LEVEL - 1, "levels of an instrument are fewer than 2^31");
            level
        } else {
            let slot = &mut self.levels[level as usize];
            self.free_level = slot.branch;
            *slot = made;
            level
        };
        self.count += 1;
        let root = &mut self.roots[side as usize];
        if key < root.best_key || root.best == NIL {
            root.best = level;
            root.best_key = key;
        }
        level
    }

    /// Drop a level whose last order has left.
    #[inline]
    pub(crate) fn drop_level(&mut self, level: u32) {
        let Level { key, branch: at, side, .. } = self.levels[level as usize];
        if self.roots[side as usize].best == level {
            self.leave_best(side, level);
        }
        let freed = &mut self.levels[level as usize];
        freed.branch = self.free_level;
        freed.head = NIL;
        self.free_level = level;
        self.count -= 1;
        self.clear(side, at, key);
    }

    /// Let the side's next level be the best.
    #[inline]
    fn leave_best(&mut self, side: Side, level: u32) {
        let best = self.after(level);
        let best_key = if best == NIL { u64::MAX } else { self.levels[best as usize].key };
        let root = &mut self.roots[side as usize];
        root.best = best;
        root.best_key = best_key;
    }

    /// Take the child of a key out of a branch.
    #[inline]
    fn clear(&mut self, side: Side, at: u32, key: u64) {
        if at == NIL {
            self.roots[side as usize].top = NIL;
            return;
        }
        let branch = &mut self.branches[at as usize];
        branch.occupied &= !(1 << branch.place(key));
        let occupied = branch.occupied;
        if occupied & occupied.wrapping_sub(1) == 0 {
            self.thin(side, at);
        }
    }

    /// Take away a branch that has become needless: it has no child left, or one that is a branch.
    fn thin(&mut self, side: Side, at: u32) {
        let branch = &mut self.branches[at as usize];
        let (parent, base) = (branch.parent, branch.base);
        if branch.occupied == 0 {
            branch.parent = self.free_branch;
            self.free_branch = at;
            self.clear(side, parent, base);
            return;
        }
        let child = branch.first();
        if child & LEVEL == 0 {
            branch.parent = self.free_branch;
            self.free_branch = at;
            self.branches[child as usize].parent = parent;
            self.replace(side, parent, base, child);
        }
    }

    /// The next worse level, or [`NIL`].
    pub(crate) fn after(&self, level: u32) -> u32 {
        let Level { key, branch: mut at, .. } = self.levels[level as usize];
        while at != NIL {
            let branch = &self.branches[at as usize];
            let place = branch.place(key) % FANOUT as u64;
            let beyond = branch.occupied >> place >> 1;
            if beyond != 0 {
                let next = place as usize + 1 + beyond.trailing_zeros() as usize;
                return self.first_under(branch.children[next % FANOUT]);
            }
            at = branch.parent;
        }
        NIL
    }

    /// The next better level, or [`NIL`].
    pub(crate) fn before(&self, level: u32) -> u32 {
        let Level { key, branch: mut at, .. } = self.levels[level as usize];
        while at != NIL {
            let branch = &self.branches[at as usize];
            let below = branch.occupied & ((1 << branch.place(key)) - 1);
            if below != 0 {
                return self.last_under(branch.children[63 - below.leading_zeros() as usize]);
            }
            at = branch.parent;
        }
        NIL
    }

    fn first_under(&self, mut at: u32) -> u32 {
        while at & LEVEL == 0 {
            at = self.branches[at as usize].first();
        }
        at & !LEVEL
    }

    fn last_under(&self, mut at: u32) -> u32 {
        while at & LEVEL == 0 {
            at = self.branches[at as usize].last();
        }
        at & !LEVEL
    }

    /// The side's levels from the best.
    pub(crate) fn ranked(&self, side: Side) -> impl Iterator<Item = LevelId> + '_ {
        let mut at = self.best(side);
        std::iter::from_fn(move || {
            let level = some(at)?;
            at = self.after(level);
            Some(LevelId(level))
        })
    }
}
