//! The open orders of one instrument, on the book or not, and the ways to find them.

use rustc_hash::FxHashMap;

use crate::codec::ClientId;
use crate::orders::{Order, Place};

/// No slot.
pub const NIL: u32 = u32::MAX;

/// Neighbours in a doubly linked list of slots.
#[derive(Clone, Copy, Debug)]
pub struct Links {
    pub previous: u32,
    pub next: u32,
}

impl Links {
    pub const NONE: Self = Self { previous: NIL, next: NIL };
}

#[derive(Clone)]
struct Entry {
    order: Order,
    in_level: Links,
    in_account: Links,
}

/// How many orders are open, and how many of them are of a stop type or icebergs.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct OpenCounts {
    pub orders: u32,
    pub algos: u32,
    pub icebergs: u32,
}

impl OpenCounts {
    #[inline]
    pub fn add(&mut self, order: &Order) {
        self.orders += 1;
        if let Some(extra) = &order.extra {
            self.algos += u32::from(order.order_type.is_stop());
            self.icebergs += u32::from(extra.iceberg > 0);
        }
    }

    #[inline]
    pub fn remove(&mut self, order: &Order) {
        self.orders -= 1;
        if let Some(extra) = &order.extra {
            self.algos -= u32::from(order.order_type.is_stop());
            self.icebergs -= u32::from(extra.iceberg > 0);
        }
    }
}

#[derive(Clone)]
struct AccountOrders {
    head: u32,
    counts: OpenCounts,
}

#[derive(Clone, Default)]
pub struct OpenOrders {
    entries: Vec<Entry>,
    free: Vec<u32>,
    by_id: FxHashMap<u64, u32>,
    by_client: FxHashMap<(u32, ClientId), u32>,
    by_account: FxHashMap<u32, AccountOrders>,
}

impl OpenOrders {
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub fn len(&self) -> usize {
        self.by_id.len()
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
    pub fn links(&self, slot: u32) -> Links {
        self.entries[slot as usize].in_level
    }

    #[inline]
    pub fn links_mut(&mut self, slot: u32) -> &mut Links {
        &mut self.entries[slot as usize].in_level
    }

    #[inline]
    pub fn by_id(&self, id: u64) -> Option<u32> {
        self.by_id.get(&id).copied()
    }

    #[inline]
    pub fn by_client(&self, account_slot: u32, client_id: &ClientId) -> Option<u32> {
        self.by_client.get(&(account_slot, *client_id)).copied()
    }

    /// What the account has open here.
    #[inline]
    pub fn counts_of(&self, account_slot: u32) -> OpenCounts {
        self.by_account.get(&account_slot).map_or(OpenCounts::default(), |orders| orders.counts)
    }

    /// The account's open orders, in no order that could be relied on.
    pub fn of_account(&self, account_slot: u32) -> impl Iterator<Item = (u32, &Order)> {
        let mut at = self.by_account.get(&account_slot).map_or(NIL, |orders| orders.head);
        std::iter::from_fn(move || {
            let slot = at;
            let entry = self.entries.get(slot as usize)?;
            at = entry.in_account.next;
            Some((slot, &entry.order))
        })
    }

    /// The ids of the account's open orders, ascending.
    pub fn ids_of(&self, account_slot: u32) -> Vec<u64> {
        let mut ids: Vec<u64> = self.of_account(account_slot).map(|(_, order)| order.id).collect();
        ids.sort_unstable();
        ids
    }

    /// Every open order, in no order that could be relied on.
    pub fn all(&self) -> impl Iterator<Item = &Order> {
        self.by_id.values().map(|slot| self.order(*slot))
    }

    /// The orders that are not on the book, by id.
    pub fn off_book(&self) -> Vec<&Order> {
        let mut found: Vec<&Order> = self.all().filter(|order| order.place() != Place::OnBook).collect();
        found.sort_unstable_by_key(|order| order.id);
        found
    }

    /// Take an order in; it is in no level yet.
    #[inline]
    pub fn add(&mut self, order: Order) -> u32 {
        let (id, account_slot, client_id) = (order.id, order.account_slot, order.client_id);
        let entry = Entry { order, in_level: Links::NONE, in_account: Links::NONE };
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
        slot
    }

    fn join_account(&mut self, account_slot: u32, slot: u32) {
        let none = AccountOrders { head: NIL, counts: OpenCounts::default() };
        let orders = self.by_account.entry(account_slot).or_insert(none);
        let next = std::mem::replace(&mut orders.head, slot);
        orders.counts.add(&self.entries[slot as usize].order);
        self.entries[slot as usize].in_account.next = next;
        if next != NIL {
            self.entries[next as usize].in_account.previous = slot;
        }
    }

    /// Drop an order that has left its level; its slot may be used again.
    pub fn forget(&mut self, slot: u32) {
        let entry = &self.entries[slot as usize];
        let Links { previous, next } = entry.in_account;
        let account_slot = entry.order.account_slot;
        self.by_id.remove(&entry.order.id);
        self.by_client.remove(&(account_slot, entry.order.client_id));
        let orders = self.by_account.get_mut(&account_slot).expect("an account with an order is indexed");
        orders.counts.remove(&entry.order);
        if previous == NIL {
            orders.head = next;
        }
        if orders.counts.orders == 0 {
            self.by_account.remove(&account_slot);
        }
        if previous != NIL {
            self.entries[previous as usize].in_account.next = next;
        }
        if next != NIL {
            self.entries[next as usize].in_account.previous = previous;
        }
        self.entries[slot as usize].order.extra = None;
        self.free.push(slot);
    }

    /// Give an order another client id.
    pub fn rename(&mut self, slot: u32, client_id: ClientId) {
        let order = &mut self.entries[slot as usize].order;
        let account_slot = order.account_slot;
        let before = std::mem::replace(&mut order.client_id, client_id);
        self.by_client.remove(&(account_slot, before));
        self.by_client.insert((account_slot, client_id), slot);
    }
}
