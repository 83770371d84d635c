//! Orders in their queues.

use crate::levels::Levels;
use crate::words::{LevelId, NIL, Side, Slot, Total, some};

/// One order at rest, or a free slot.
#[derive(Clone, Debug)]
#[repr(C)]
pub(crate) struct Node<T> {
    pub quantity: i64,
    pub previous: u32,
    /// Of a free slot: the next free one.
    pub next: u32,
    /// [`NIL`] marks a free slot.
    pub level: u32,
    pub payload: T,
}

/// The orders of one instrument that rest, by price and arrival.
///
/// `T` is what the caller keeps with an order; `S` holds a level's total. A quantity is what trades when the order's
/// turn comes: for an order that shows only a part, the part.
///
/// A payload lies beside its order's links, which suits one of a few words. A large one is better kept in an array of
/// the caller's by [`Slot::index`], with `()` here: links of neighbours then share cache lines (benches/cost.rs).
///
/// Everything is by slot and takes the same time however many orders rest. Memory grows to the most orders that ever
/// rested together and is used again from then on.
#[derive(Clone, Debug)]
pub struct Book<T, S = i128> {
    pub(crate) nodes: Vec<Node<T>>,
    pub(crate) free: u32,
    counts: [u32; 2],
    pub(crate) levels: Levels<S>,
}

impl<T, S: Total> Default for Book<T, S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, S: Total> Book<T, S> {
    /// Return an empty book.
    #[must_use]
    pub fn new() -> Self {
        Self { nodes: Vec::new(), free: NIL, counts: [0; 2], levels: Levels::new() }
    }

    /// Return an empty book that has room for so many orders and levels before it allocates.
    #[must_use]
    pub fn with_capacity(orders: usize, levels: usize) -> Self {
        let mut book = Self::new();
        book.nodes.reserve(orders);
        book.levels.reserve(levels);
        book
    }

    /// Make room for so many orders more.
    pub fn reserve(&mut self, orders: usize) {
        self.nodes.reserve(orders);
    }

    /// Put an order at the end of its level; the level is made when the price is new.
    ///
    /// # Panics
    /// When the quantity is not positive.
    #[inline]
    pub fn insert(&mut self, side: Side, price: i64, quantity: i64, payload: T) -> Slot {
        assert!(quantity > 0, "an order at rest has a quantity");
        let level = self.levels.find_or_make(side, side.key(price));
        let queue = self.levels.at_mut(level);
        let previous = queue.tail;
        let node = Node { quantity, previous, next: NIL, level, payload };
        let slot = self.free;
        if let Some(place) = self.nodes.get_mut(slot as usize) {
            self.free = place.next;
            *place = node;
            queue.join(slot, quantity);
            if previous != NIL {
                self.nodes[previous as usize].next = slot;
            }
            self.counts[side as usize] += 1;
            return Slot(slot);
        }
        self.insert_new(side, node)
    }

    /// Put an order into a slot that was never used.
    #[cold]
    #[inline(never)]
    fn insert_new(&mut self, side: Side, node: Node<T>) -> Slot {
        let slot = u32::try_from(self.nodes.len()).unwrap_or(NIL);
        assert!(slot != NIL, "orders of an instrument are fewer than 2^32");
        self.levels.at_mut(node.level).join(slot, node.quantity);
        if node.previous != NIL {
            self.nodes[node.previous as usize].next = slot;
        }
        self.nodes.push(node);
        self.counts[side as usize] += 1;
        Slot(slot)
    }

    /// Take an order off the book. Its payload can be read until the next insert, which may use the slot again.
    ///
    /// # Panics
    /// When no order rests in the slot; so does every call by slot that changes the book.
    #[inline]
    pub fn remove(&mut self, slot: Slot) -> &T {
        let side = self.detach(slot);
        self.counts[side as usize] -= 1;
        let node = &mut self.nodes[slot.index()];
        node.level = NIL;
        node.next = self.free;
        self.free = slot.0;
        &node.payload
    }

    /// Take a node out of its level, and the level off the book when it was the last; answers the side.
    #[inline]
    fn detach(&mut self, slot: Slot) -> Side {
        let Node { quantity, previous, next, level, .. } = self.nodes[slot.index()];
        let queue = self.levels.at_mut(level);
        let side = queue.side;
        if previous == next {
            // Only neighbours that do not exist are the same: it was alone.
            self.levels.drop_level(level);
            return side;
        }
        queue.total.shrink(quantity);
        if previous == NIL {
            queue.head = next;
        } else {
            self.nodes[previous as usize].next = next;
        }
        if next == NIL {
            self.levels.at_mut(level).tail = previous;
        } else {
            self.nodes[next as usize].previous = previous;
        }
        side
    }

    /// Lower an order's quantity; it keeps its turn. Answers whether nothing was left, and the order left the book.
    ///
    /// # Panics
    /// When the order has less.
    #[inline]
    pub fn reduce(&mut self, slot: Slot, by: i64) -> bool {
        let node = &mut self.nodes[slot.index()];
        assert!(0 <= by && by <= node.quantity, "an order gives at most what it has");
        if by == node.quantity {
            self.remove(slot);
            return true;
        }
        node.quantity -= by;
        let level = node.level;
        self.levels.at_mut(level).total.shrink(by);
        false
    }

    /// Give an order another quantity; it keeps its turn.
    ///
    /// # Panics
    /// When the quantity is not positive.
    #[inline]
    pub fn resize(&mut self, slot: Slot, quantity: i64) {
        assert!(quantity > 0, "an order at rest has a quantity");
        let node = &mut self.nodes[slot.index()];
        let before = std::mem::replace(&mut node.quantity, quantity);
        let level = node.level;
        let queue = self.levels.at_mut(level);
        queue.total.grow(quantity);
        queue.total.shrink(before);
    }

    /// Give an order a new quantity and the last turn of its level, as when the next part of an iceberg shows.
    ///
    /// # Panics
    /// When the quantity is not positive.
    #[inline]
    pub fn requeue(&mut self, slot: Slot, quantity: i64) {
        assert!(quantity > 0, "an order at rest has a quantity");
        let node = &mut self.nodes[slot.index()];
        if node.next != NIL {
            self.reprice(slot, self.price(slot), quantity);
            return;
        }
        let before = std::mem::replace(&mut node.quantity, quantity);
        let level = node.level;
        let queue = self.levels.at_mut(level);
        queue.total.grow(quantity);
        queue.total.shrink(before);
    }

    /// Give an order a new price and quantity, and the last turn of the price's level. It keeps slot and payload.
    ///
    /// # Panics
    /// When the quantity is not positive.
    #[inline]
    pub fn reprice(&mut self, slot: Slot, price: i64, quantity: i64) {
        assert!(quantity > 0, "an order at rest has a quantity");
        let side = self.detach(slot);
        let level = self.levels.find_or_make(side, side.key(price));
        let queue = self.levels.at_mut(level);
        let previous = queue.tail;
        queue.join(slot.0, quantity);
        let node = &mut self.nodes[slot.index()];
        node.quantity = quantity;
        node.previous = previous;
        node.next = NIL;
        node.level = level;
        if previous != NIL {
            self.nodes[previous as usize].next = slot.0;
        }
    }

    /// How many orders rest.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count(Side::Buy) + self.count(Side::Sell)
    }

    /// Whether no order rests.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many orders of a side rest.
    #[must_use]
    pub fn count(&self, side: Side) -> usize {
        self.counts[side as usize] as usize
    }

    /// How many levels both sides have together.
    #[must_use]
    pub fn level_count(&self) -> usize {
        self.levels.count()
    }

    /// The order of a side that trades next.
    #[inline]
    #[must_use]
    pub fn best(&self, side: Side) -> Option<Slot> {
        some(self.levels.best(side)).map(|level| Slot(self.levels.at(level).head))
    }

    /// The order of a side that trades next, if its price is `limit` or better.
    #[inline]
    #[must_use]
    pub fn best_within(&self, side: Side, limit: i64) -> Option<Slot> {
        // An empty side has the highest key, which only a limit of everything reaches: best then looks again.
        if self.levels.best_key(side) <= side.key(limit) { self.best(side) } else { None }
    }

    /// The best price of a side.
    #[inline]
    #[must_use]
    pub fn best_price(&self, side: Side) -> Option<i64> {
        some(self.levels.best(side)).map(|_| side.price(self.levels.best_key(side)))
    }

    /// The best level of a side.
    #[inline]
    #[must_use]
    pub fn best_level(&self, side: Side) -> Option<LevelId> {
        some(self.levels.best(side)).map(LevelId)
    }

    /// The level of a price.
    #[inline]
    #[must_use]
    pub fn level_at(&self, side: Side, price: i64) -> Option<LevelId> {
        some(self.levels.find(side, side.key(price))).map(LevelId)
    }

    /// The total of a price, quick when it still is the level that it was.
    #[inline]
    #[must_use]
    pub fn total_if(&self, level: LevelId, side: Side, price: i64) -> S {
        match self.levels.get(level.0) {
            Some(known) if known.head != NIL && known.side == side && known.key == side.key(price) => known.total,
            _ => self.total_at(side, price),
        }
    }

    /// What rests at a price.
    #[inline]
    #[must_use]
    pub fn total_at(&self, side: Side, price: i64) -> S {
        self.level_at(side, price).map_or(S::default(), |level| self.total(level))
    }

    /// The next level with a worse price.
    #[must_use]
    pub fn worse(&self, level: LevelId) -> Option<LevelId> {
        some(self.levels.after(level.0)).map(LevelId)
    }

    /// The next level with a better price.
    #[must_use]
    pub fn better(&self, level: LevelId) -> Option<LevelId> {
        some(self.levels.before(level.0)).map(LevelId)
    }

    /// What rests in a level.
    #[inline]
    #[must_use]
    pub fn total(&self, level: LevelId) -> S {
        self.levels.at(level.0).total
    }

    /// A level's price.
    #[inline]
    #[must_use]
    pub fn level_price(&self, level: LevelId) -> i64 {
        let level = self.levels.at(level.0);
        level.side.price(level.key)
    }

    /// A level's side.
    #[inline]
    #[must_use]
    pub fn level_side(&self, level: LevelId) -> Side {
        self.levels.at(level.0).side
    }

    /// The level in which an order rests.
    #[inline]
    #[must_use]
    pub fn level(&self, slot: Slot) -> LevelId {
        LevelId(self.nodes[slot.index()].level)
    }

    /// An order's price.
    #[inline]
    #[must_use]
    pub fn price(&self, slot: Slot) -> i64 {
        self.level_price(self.level(slot))
    }

    /// An order's side.
    #[inline]
    #[must_use]
    pub fn side(&self, slot: Slot) -> Side {
        self.level_side(self.level(slot))
    }

    /// An order's quantity.
    #[inline]
    #[must_use]
    pub fn quantity(&self, slot: Slot) -> i64 {
        self.nodes[slot.index()].quantity
    }

    /// What the caller keeps with an order.
    #[inline]
    #[must_use]
    pub fn payload(&self, slot: Slot) -> &T {
        &self.nodes[slot.index()].payload
    }

    /// What the caller keeps with an order, to change.
    #[inline]
    #[must_use]
    pub fn payload_mut(&mut self, slot: Slot) -> &mut T {
        &mut self.nodes[slot.index()].payload
    }

    /// The levels of a side from the best.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = LevelId> + '_ {
        self.levels.ranked(side)
    }

    /// The orders of a level in the order of their turns.
    pub fn orders_in(&self, level: LevelId) -> impl Iterator<Item = Slot> + '_ {
        let mut at = self.levels.at(level.0).head;
        std::iter::from_fn(move || {
            let slot = some(at)?;
            at = self.nodes[slot as usize].next;
            Some(Slot(slot))
        })
    }

    /// The orders of a side in the order of their turns.
    pub fn orders(&self, side: Side) -> impl Iterator<Item = Slot> + '_ {
        self.levels(side).flat_map(|level| self.orders_in(level))
    }
}
