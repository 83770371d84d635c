//! The open orders of one instrument, on the book or not, and the ways to find them.

use openbourse_book as ladder;

use crate::codec::ClientId;
use crate::hashes::{account_hash, client_key, hash_of};
use crate::orders::{Order, Place};
use crate::slab::Slab;
use crate::slot_table::SlotTable;

/// No slot.
pub const NIL: u32 = u32::MAX;

/// An open order in two cache lines.
#[derive(Clone)]
#[repr(align(64))]
pub struct Entry {
    pub order: Order,
    /// Where it stands in the book, or [`NIL`].
    pub place: u32,
    /// Neighbours among the account's orders here.
    pub previous: u32,
    pub next: u32,
    /// Where the account stands among the owners.
    pub owner: u32,
}

const _: () = assert!(size_of::<Entry>() == 128, "an open order is two cache lines");

impl Default for Entry {
    fn default() -> Self {
        Self { order: Order::nobodys(), place: NIL, previous: NIL, next: NIL, owner: NIL }
    }
}

/// How many orders are open, and how many of them are of a stop type or icebergs.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct OpenCounts {
    pub orders: u32,
    pub algos: u32,
    pub icebergs: u32,
}

impl OpenCounts {
    #[inline(always)]
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
pub struct Owner {
    /// [`NIL`]: nobody's.
    account_slot: u32,
    pub head: u32,
    counts: OpenCounts,
}

#[derive(Clone, Default)]
pub struct OpenOrders {
    pub entries: Slab<Entry>,
    pub free: Vec<u32>,
    pub by_id: ladder::DenseIndex,
    count: usize,
    pub by_client: SlotTable,
    pub by_account: SlotTable,
    pub owners: Vec<Owner>,
    free_owners: Vec<u32>,
    near: NearOwner,
}

/// The account that was looked up last, and where it stands among the owners ([`NIL`]: nowhere).
#[derive(Clone, Copy)]
struct NearOwner {
    account_slot: u32,
    at: u32,
}

impl Default for NearOwner {
    fn default() -> Self {
        Self { account_slot: NIL, at: NIL }
    }
}

impl OpenOrders {
    /// Make room in the indexes, which are empty yet, for so many orders of so many accounts.
    pub fn make_room(&mut self, orders: usize, accounts: usize) {
        self.by_client = SlotTable::with_capacity(orders);
        self.by_account = SlotTable::with_capacity(accounts);
        self.owners.reserve(accounts);
    }

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
        let place = self.entries[slot].place;
        assert!(place != NIL, "an order on the book has a place");
        ladder::Slot::numbered(place)
    }

    #[inline]
    pub fn set_place(&mut self, slot: u32, place: ladder::Slot) {
        self.entries[slot].place = place.number();
    }

    #[inline]
    pub fn by_id(&self, id: u64) -> Option<u32> {
        // What the index answers may be left over from an order that is gone.
        let slot = self.by_id.get(id)?.number();
        let order = &self.entries.get(slot)?.order;
        if order.id == id && order.account_slot != NIL { Some(slot) } else { None }
    }

    #[inline]
    pub fn by_client(&self, account_slot: u32, client_id: &ClientId) -> Option<u32> {
        self.by_key(client_key(account_slot, client_id), account_slot, client_id)
    }

    /// The open order that has the client id of an order of the same account.
    #[inline(always)]
    pub fn by_client_of(&self, order: &Order) -> Option<u32> {
        self.by_key(order.client_key, order.account_slot, &order.client_id)
    }

    #[inline(always)]
    fn by_key(&self, key: u32, account_slot: u32, client_id: &ClientId) -> Option<u32> {
        self.by_client.find(hash_of(key), |slot| {
            let order = self.order(slot);
            order.account_slot == account_slot && order.client_id == *client_id
        })
    }

    /// As [`Self::by_client`], quick when the order is where it is expected.
    #[inline]
    pub fn by_client_near(&self, hint: u32, account_slot: u32, client_id: &ClientId) -> Option<u32> {
        if let Some(entry) = self.entries.get(hint)
            && entry.order.account_slot == account_slot
            && entry.order.client_id == *client_id
        {
            return Some(hint);
        }
        self.by_client(account_slot, client_id)
    }

    /// Look an account up that several steps of a command will ask for, first where it is expected.
    #[inline]
    pub fn draw_near(&mut self, account_slot: u32, hint: u32) {
        if self.near.account_slot == account_slot {
            return;
        }
        let is_there = self.owners.get(hint as usize).is_some_and(|owner| owner.account_slot == account_slot);
        let at = if is_there { hint } else { self.find_owner(account_slot).unwrap_or(NIL) };
        self.near = NearOwner { account_slot, at };
    }

    #[inline(always)]
    fn owner(&self, account_slot: u32) -> Option<u32> {
        if self.near.account_slot == account_slot {
            return if self.near.at == NIL { None } else { Some(self.near.at) };
        }
        self.find_owner(account_slot)
    }

    #[inline(never)]
    fn find_owner(&self, account_slot: u32) -> Option<u32> {
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
        self.entries.iter().map(|entry| &entry.order).filter(|order| order.account_slot != NIL)
    }

    /// The orders that are not on the book, by id.
    pub fn off_book(&self) -> Vec<&Order> {
        let mut found: Vec<&Order> = self.all().filter(|order| order.place() != Place::OnBook).collect();
        found.sort_unstable_by_key(|order| order.id);
        found
    }

    /// Take an order in; it is in no level yet.
    #[inline]
    pub fn add(&mut self, order: &mut Order) -> u32 {
        let (id, account_slot) = (order.id, order.account_slot);
        let hash = hash_of(order.client_key);
        let owner = self.owner(account_slot).unwrap_or_else(|| self.new_owner(account_slot));
        let next = self.join_owner(owner, order);
        let slot = self.free.pop().unwrap_or_else(|| self.entries.push(Entry::default()));
        // What stays behind is of no use any more.
        std::mem::swap(&mut self.entries[slot].order, order);
        self.link(slot, (id, hash), (owner, next));
        slot
    }

    /// Make an order that is in its slot known by its names and to its owner.
    #[inline(always)]
    fn link(&mut self, slot: u32, (id, hash): (u64, u64), (owner, next): (u32, u32)) {
        let entry = &mut self.entries[slot];
        entry.place = NIL;
        entry.previous = NIL;
        entry.next = next;
        entry.owner = owner;
        self.count += 1;
        self.by_id.put(id, ladder::Slot::numbered(slot));
        self.by_client.insert(hash, slot);
        self.owners[owner as usize].head = slot;
        if next != NIL {
            self.entries[next].previous = slot;
        }
    }

    /// Lay an order into the next slot, to be taken in later: nobody finds it before that.
    pub fn lay(&mut self, order: Order) {
        self.entries.push(Entry { order, ..Entry::default() });
    }

    /// How many orders have been laid into slots, from 0.
    pub fn laid(&self) -> u32 {
        u32::try_from(self.entries.len()).expect("entries are fewer than 2^32")
    }

    /// Take in an order that was laid into a slot; it is in no level yet.
    pub fn add_laid(&mut self, slot: u32) {
        let order = &self.entries[slot].order;
        let (id, account_slot, hash) = (order.id, order.account_slot, hash_of(order.client_key));
        let at = self.owner(account_slot).unwrap_or_else(|| self.new_owner(account_slot));
        let owner = &mut self.owners[at as usize];
        owner.counts.add(&self.entries[slot].order);
        let next = owner.head;
        self.link(slot, (id, hash), (at, next));
    }

    /// Count an order among its owner's; answers the one that was the newest before it.
    #[inline]
    fn join_owner(&mut self, owner: u32, order: &Order) -> u32 {
        let owner = &mut self.owners[owner as usize];
        owner.counts.add(order);
        owner.head
    }

    #[inline(never)]
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
        self.near = NearOwner { account_slot, at };
        at
    }

    /// Drop an order that has left its level; its slot may be used again.
    #[inline]
    pub fn forget(&mut self, slot: u32) {
        let entry = &self.entries[slot];
        let (previous, next, at) = (entry.previous, entry.next, entry.owner);
        let hash = hash_of(entry.order.client_key);
        self.by_id.release(entry.order.id);
        self.by_client.remove(hash, slot);
        let owner = &mut self.owners[at as usize];
        owner.counts.remove(&entry.order);
        if previous == NIL {
            owner.head = next;
        }
        if owner.counts.orders == 0 {
            self.drop_owner(at);
        }
        if previous != NIL {
            self.entries[previous].next = next;
        }
        if next != NIL {
            self.entries[next].previous = previous;
        }
        let order = &mut self.entries[slot].order;
        order.extra = None;
        // What is free is nobody's, so that no hint leads to it.
        order.account_slot = NIL;
        self.free.push(slot);
        self.count -= 1;
    }

    /// Forget an owner that has nothing open here any more.
    #[inline(never)]
    fn drop_owner(&mut self, at: u32) {
        let account_slot = std::mem::replace(&mut self.owners[at as usize].account_slot, NIL);
        self.by_account.remove(account_hash(account_slot), at);
        self.free_owners.push(at);
        if self.near.at == at {
            self.near.at = NIL;
        }
    }

    /// Give an order another client id.
    pub fn rename(&mut self, slot: u32, client_id: ClientId) {
        let order = &mut self.entries[slot].order;
        order.client_id = client_id;
        let key = client_key(order.account_slot, &client_id);
        let before = std::mem::replace(&mut order.client_key, key);
        self.by_client.remove(hash_of(before), slot);
        self.by_client.insert(hash_of(key), slot);
    }
}
