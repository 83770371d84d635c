//! The open orders of one instrument, on the book or not, and the ways to find them.

use openbourse_book as ladder;

use crate::codec::ClientId;
use crate::orders::{Order, Place};
use crate::slab::Slab;
use crate::slot_table::{SlotTable, mixed};
use openbourse_book::{prefetch, prefetch_whole};

/// No slot.
const NIL: u32 = u32::MAX;

#[derive(Clone)]
#[repr(align(64))]
struct Entry {
    order: Order,
    /// Where it stands in the book, if it does.
    place: Option<ladder::Slot>,
    /// Neighbours among the account's orders here.
    previous: u32,
    next: u32,
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

/// What an account has open here.
#[derive(Clone)]
struct Owner {
    account_slot: u32,
    head: u32,
    counts: OpenCounts,
}

#[derive(Clone, Default)]
pub struct OpenOrders {
    entries: Slab<Entry>,
    free: Vec<u32>,
    by_id: ladder::DenseIndex,
    count: usize,
    by_client: SlotTable,
    by_account: SlotTable,
    owners: Vec<Owner>,
    free_owners: Vec<u32>,
}

/// The hash of a client id of an account.
#[inline]
pub fn client_hash(account_slot: u32, client_id: &ClientId) -> u64 {
    let mut hash = u64::from(account_slot) + 1;
    let (words, tail) = client_id.padded().as_chunks::<8>();
    for word in words {
        hash = (hash ^ u64::from_le_bytes(*word)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
    }
    for byte in tail {
        hash = hash.rotate_left(8) ^ u64::from(*byte);
    }
    mixed(hash)
}

#[inline]
fn account_hash(account_slot: u32) -> u64 {
    mixed(u64::from(account_slot))
}

impl OpenOrders {
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn len(&self) -> usize {
        self.count
    }

    #[inline]
    pub fn order(&self, slot: u32) -> &Order {
        &self.entries[slot].order
    }

    #[inline]
    pub fn order_mut(&mut self, slot: u32) -> &mut Order {
        &mut self.entries[slot].order
    }

    /// Where an order stands in the book.
    #[inline]
    pub fn place(&self, slot: u32) -> ladder::Slot {
        self.entries[slot].place.expect("an order on the book has a place")
    }

    #[inline]
    pub fn set_place(&mut self, slot: u32, place: ladder::Slot) {
        self.entries[slot].place = Some(place);
    }

    #[inline]
    pub fn by_id(&self, id: u64) -> Option<u32> {
        self.by_id.get(id).map(ladder::Slot::number)
    }

    #[inline]
    pub fn by_client(&self, account_slot: u32, client_id: &ClientId) -> Option<u32> {
        self.by_client.find(client_hash(account_slot, client_id), |slot| {
            let order = self.order(slot);
            order.account_slot == account_slot && order.client_id == *client_id
        })
    }

    #[inline]
    fn owner(&self, account_slot: u32) -> Option<u32> {
        self.by_account.find(account_hash(account_slot), |at| self.owners[at as usize].account_slot == account_slot)
    }

    /// What the account has open here.
    #[inline]
    pub fn counts_of(&self, account_slot: u32) -> OpenCounts {
        self.owner(account_slot).map_or(OpenCounts::default(), |at| self.owners[at as usize].counts)
    }

    /// The account's open orders, in no order that could be relied on.
    pub fn of_account(&self, account_slot: u32) -> impl Iterator<Item = (u32, &Order)> {
        let mut at = self.owner(account_slot).map_or(NIL, |at| self.owners[at as usize].head);
        std::iter::from_fn(move || {
            let slot = at;
            let entry = self.entries.get(slot)?;
            at = entry.next;
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
        let owners = self.owners.iter().filter(|owner| owner.counts.orders > 0);
        owners.flat_map(|owner| self.of_account(owner.account_slot).map(|(_, order)| order))
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
        let (id, account_slot) = (order.id, order.account_slot);
        let hash = client_hash(account_slot, &order.client_id);
        let entry = Entry { order, place: None, previous: NIL, next: NIL };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.entries[slot] = entry;
                slot
            }
            None => self.entries.push(entry),
        };
        self.count += 1;
        self.by_id.insert(id, ladder::Slot::numbered(slot));
        self.by_client.insert(hash, slot);
        self.join_account(account_slot, slot);
        slot
    }

    #[inline]
    fn join_account(&mut self, account_slot: u32, slot: u32) {
        let at = self.owner(account_slot).unwrap_or_else(|| self.new_owner(account_slot));
        let owner = &mut self.owners[at as usize];
        let next = std::mem::replace(&mut owner.head, slot);
        owner.counts.add(&self.entries[slot].order);
        self.entries[slot].next = next;
        if next != NIL {
            self.entries[next].previous = slot;
        }
    }

    fn new_owner(&mut self, account_slot: u32) -> u32 {
        let owner = Owner { account_slot, head: NIL, counts: OpenCounts::default() };
        let at = match self.free_owners.pop() {
            Some(at) => {
                self.owners[at as usize] = owner;
                at
            }
            None => {
                self.owners.push(owner);
                u32::try_from(self.owners.len() - 1).expect("accounts are fewer than 2^32")
            }
        };
        self.by_account.insert(account_hash(account_slot), at);
        at
    }

    /// Drop an order that has left its level; its slot may be used again.
    #[inline]
    pub fn forget(&mut self, slot: u32) {
        let entry = &self.entries[slot];
        let (previous, next, account_slot) = (entry.previous, entry.next, entry.order.account_slot);
        let hash = client_hash(account_slot, &entry.order.client_id);
        self.by_id.remove(entry.order.id);
        self.by_client.remove(hash, |found| found == slot);
        let at = self.owner(account_slot).expect("an account with an order is indexed");
        let owner = &mut self.owners[at as usize];
        owner.counts.remove(&entry.order);
        if previous == NIL {
            owner.head = next;
        }
        if owner.counts.orders == 0 {
            self.by_account.remove(account_hash(account_slot), |found| found == at);
            self.free_owners.push(at);
        }
        if previous != NIL {
            self.entries[previous].next = next;
        }
        if next != NIL {
            self.entries[next].previous = previous;
        }
        let order = &mut self.entries[slot].order;
        order.extra = None;
        order.rare = None;
        self.free.push(slot);
        self.count -= 1;
    }

    /// Give an order another client id.
    pub fn rename(&mut self, slot: u32, client_id: ClientId) {
        let order = &mut self.entries[slot].order;
        let account_slot = order.account_slot;
        let before = std::mem::replace(&mut order.client_id, client_id);
        self.by_client.remove(client_hash(account_slot, &before), |found| found == slot);
        self.by_client.insert(client_hash(account_slot, &client_id), slot);
    }
}

/// Hints: where the processor will look soon. A wrong one costs nothing but its time.
impl OpenOrders {
    #[inline]
    pub fn prefetch_indexes(&self, account_slot: u32, hash: u64) {
        self.by_account.prefetch(account_hash(account_slot));
        self.by_client.prefetch(hash);
    }

    #[inline]
    pub fn prefetch_owner(&self, account_slot: u32) {
        if let Some(at) = self.by_account.find(account_hash(account_slot), |_| true) {
            prefetch(&self.owners[at as usize]);
        }
    }

    /// Ask for the order that a client id's hash leads to; answers its slot.
    #[inline]
    pub fn prefetch_order(&self, hash: u64) -> Option<u32> {
        let slot = self.by_client.find(hash, |_| true)?;
        prefetch_whole(&self.entries[slot]);
        Some(slot)
    }

    /// Where the order in a slot stands in the book, if it does.
    #[inline]
    pub fn place_hint(&self, slot: u32) -> Option<ladder::Slot> {
        let entry = self.entries.get(slot)?;
        self.by_id.prefetch(entry.order.id);
        entry.place
    }
}
