//! The order book of one instrument: price levels of orders in arrival order, and the ways to find an order.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::codec::ClientId;
use crate::orders::Order;
use crate::words::Side;

/// No slot.
const NIL: u32 = u32::MAX;

/// Neighbours in a doubly linked list of slots.
#[derive(Clone, Copy, Debug)]
struct Links {
    previous: u32,
    next: u32,
}

#[derive(Clone)]
struct Entry {
    order: Order,
    in_level: Links,
    in_account: Links,
}

#[derive(Clone)]
pub struct Level {
    /// What remains of all its orders together.
    pub total: i128,
    head: u32,
    tail: u32,
}

#[derive(Clone, Default)]
struct AccountOrders {
    head: u32,
    count: u32,
}

/// A level's total as it was before the command in hand changed it.
#[derive(Clone)]
struct TouchedLevel {
    side: Side,
    price: i64,
    before: i128,
}

#[derive(Clone, Default)]
pub struct Book {
    entries: Vec<Entry>,
    free: Vec<u32>,
    /// By rank (see [`rank`]), so that the best level is the first on either side.
    bids: BTreeMap<i64, Level>,
    asks: BTreeMap<i64, Level>,
    by_id: FxHashMap<u64, u32>,
    by_client: FxHashMap<(u32, ClientId), u32>,
    by_account: FxHashMap<u32, AccountOrders>,
    touched: Vec<TouchedLevel>,
}

/// The key of a price on its side: ascending from the best.
#[inline]
fn rank(side: Side, price: i64) -> i64 {
    match side {
        Side::Buy => -price,
        Side::Sell => price,
    }
}

impl Book {
    #[inline]
    fn levels(&self, side: Side) -> &BTreeMap<i64, Level> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    #[inline]
    fn levels_mut(&mut self, side: Side) -> &mut BTreeMap<i64, Level> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub fn count(&self, side: Side) -> usize {
        self.orders(side).count()
    }

    /// The slot of the order that trades next on `side`.
    #[inline]
    pub fn best(&self, side: Side) -> Option<u32> {
        self.levels(side).first_key_value().map(|(_, level)| level.head)
    }

    pub fn best_price(&self, side: Side) -> Option<i64> {
        self.best(side).map(|slot| self.order(slot).price)
    }

    #[inline]
    pub fn order(&self, slot: u32) -> &Order {
        &self.entries[slot as usize].order
    }

    #[inline]
    pub fn order_mut(&mut self, slot: u32) -> &mut Order {
        &mut self.entries[slot as usize].order
    }

    #[inline]
    pub fn by_id(&self, id: u64) -> Option<u32> {
        self.by_id.get(&id).copied()
    }

    #[inline]
    pub fn by_client(&self, account_slot: u32, client_id: &ClientId) -> Option<u32> {
        self.by_client.get(&(account_slot, *client_id)).copied()
    }

    /// How many orders the account has open here.
    #[inline]
    pub fn count_of(&self, account_slot: u32) -> u32 {
        self.by_account.get(&account_slot).map_or(0, |orders| orders.count)
    }

    /// The slots of the account's open orders, by order id ascending.
    pub fn slots_of(&self, account_slot: u32) -> Vec<u32> {
        let mut slots = Vec::new();
        let mut at = self.by_account.get(&account_slot).map_or(NIL, |orders| orders.head);
        while at != NIL {
            slots.push(at);
            at = self.entries[at as usize].in_account.next;
        }
        slots.sort_unstable_by_key(|slot| self.order(*slot).id);
        slots
    }

    /// The orders of a side in the order in which they would trade.
    pub fn orders(&self, side: Side) -> impl Iterator<Item = &Order> {
        self.levels(side).values().flat_map(|level| self.orders_of(level))
    }

    /// The levels of a side from the best.
    pub fn levels_from_best(&self, side: Side) -> impl Iterator<Item = &Level> {
        self.levels(side).values()
    }

    /// The orders of a level in arrival order.
    pub fn orders_of(&self, level: &Level) -> impl Iterator<Item = &Order> {
        let mut at = level.head;
        std::iter::from_fn(move || {
            let entry = self.entries.get(at as usize)?;
            at = entry.in_level.next;
            Some(&entry.order)
        })
    }

    /// Put an order at the end of its level.
    pub fn insert(&mut self, order: Order) {
        let (side, price, remaining) = (order.side, order.price, order.remaining());
        let (id, account_slot, client_id) = (order.id, order.account_slot, order.client_id);
        let entry = Entry {
            order,
            in_level: Links { previous: NIL, next: NIL },
            in_account: Links { previous: NIL, next: NIL },
        };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.entries[slot as usize] = entry;
                slot
            }
            None => {
                self.entries.push(entry);
                u32::try_from(self.entries.len() - 1).expect("orders of an instrument are fewer than 2^32")
            }
        };
        self.by_id.insert(id, slot);
        self.by_client.insert((account_slot, client_id), slot);
        self.join_account(account_slot, slot);
        self.join_level(side, price, remaining, slot);
    }

    fn join_account(&mut self, account_slot: u32, slot: u32) {
        let orders = self.by_account.entry(account_slot).or_insert(AccountOrders { head: NIL, count: 0 });
        let next = std::mem::replace(&mut orders.head, slot);
        orders.count += 1;
        self.entries[slot as usize].in_account.next = next;
        if next != NIL {
            self.entries[next as usize].in_account.previous = slot;
        }
    }

    fn join_level(&mut self, side: Side, price: i64, remaining: i64, slot: u32) {
        let level = self.levels_mut(side).entry(rank(side, price)).or_insert(Level { total: 0, head: NIL, tail: NIL });
        let before = level.total;
        let previous = std::mem::replace(&mut level.tail, slot);
        level.total += i128::from(remaining);
        if previous == NIL {
            level.head = slot;
        } else {
            self.entries[previous as usize].in_level.next = slot;
            self.entries[slot as usize].in_level.previous = previous;
        }
        self.touch(side, price, before);
    }

    #[inline]
    fn touch(&mut self, side: Side, price: i64, before: i128) {
        // Only the first note of a level counts; a run of fills in one level needs one.
        if self.touched.last().is_none_or(|noted| noted.side != side || noted.price != price) {
            self.touched.push(TouchedLevel { side, price, before });
        }
    }

    /// Take off the book what has left an order's remaining quantity, and the order too when nothing remains.
    ///
    /// The order's own numbers have been changed already; `quantity` is by how much its remaining fell.
    #[inline]
    pub fn reduce(&mut self, slot: u32, quantity: i64) {
        let order = self.order(slot);
        let (side, price, is_gone) = (order.side, order.price, order.remaining() == 0);
        self.shrink_level(side, price, quantity, is_gone.then_some(slot));
        if is_gone {
            self.forget(slot);
        }
    }

    /// Take an order off the book with all that remains of it.
    pub fn remove(&mut self, slot: u32) {
        let order = self.order(slot);
        self.shrink_level(order.side, order.price, order.remaining(), Some(slot));
        self.forget(slot);
    }

    /// Lower a level's total and unlink `leaving` from it.
    fn shrink_level(&mut self, side: Side, price: i64, quantity: i64, leaving: Option<u32>) {
        let links = leaving.map(|slot| self.entries[slot as usize].in_level);
        let key = rank(side, price);
        let level = self.levels_mut(side).get_mut(&key).expect("a resting order's level exists");
        let before = level.total;
        level.total -= i128::from(quantity);
        if let Some(Links { previous, next }) = links {
            if previous == NIL {
                level.head = next;
            }
            if next == NIL {
                level.tail = previous;
            }
            if level.head == NIL {
                self.levels_mut(side).remove(&key);
            }
            if previous != NIL {
                self.entries[previous as usize].in_level.next = next;
            }
            if next != NIL {
                self.entries[next as usize].in_level.previous = previous;
            }
        }
        self.touch(side, price, before);
    }

    /// Drop an order that has left its level from the indexes; its slot may be used again.
    fn forget(&mut self, slot: u32) {
        let entry = &self.entries[slot as usize];
        let Links { previous, next } = entry.in_account;
        let account_slot = entry.order.account_slot;
        self.by_id.remove(&entry.order.id);
        self.by_client.remove(&(account_slot, entry.order.client_id));
        if previous != NIL {
            self.entries[previous as usize].in_account.next = next;
        }
        if next != NIL {
            self.entries[next as usize].in_account.previous = previous;
        }
        let orders = self.by_account.get_mut(&account_slot).expect("an account with an order is indexed");
        orders.count -= 1;
        if previous == NIL {
            orders.head = next;
        }
        if orders.count == 0 {
            self.by_account.remove(&account_slot);
        }
        self.free.push(slot);
    }

    /// Hand over every level that differs from before the command, by side and price, with its total (0: gone).
    pub fn take_changes(&mut self, mut report: impl FnMut(Side, i64, i128)) {
        // Stable: among notes of one level the first, which has the total from before the command, stays first.
        self.touched.sort_by_key(|noted| (noted.side, noted.price));
        let mut last = None;
        for noted in &self.touched {
            let key = (noted.side, noted.price);
            if last == Some(key) {
                continue;
            }
            last = Some(key);
            let levels = self.levels(noted.side);
            let total = levels.get(&rank(noted.side, noted.price)).map_or(0, |level| level.total);
            if total != noted.before {
                report(noted.side, noted.price, total);
            }
        }
        self.touched.clear();
    }

    /// Forget which levels were touched, as after a restore.
    pub fn forget_changes(&mut self) {
        self.touched.clear();
    }
}
