//! What finding, taking in and forgetting open orders will need of the memory, asked for ahead.
//!
//! A wrong hint costs nothing but its time.

use openbourse_book::{Slot, prefetch, prefetch_ends, prefetch_whole};

use crate::hashes::{account_hash, hash_of};
use crate::open::{NIL, OpenOrders};
use crate::orders::Order;

impl OpenOrders {
    /// Ask for the places in the indexes that an order needs when it is taken in.
    #[inline]
    pub fn prefetch_cells_of(&self, order: &Order) {
        self.by_client.prefetch(hash_of(order.client_key));
        self.by_account.prefetch(account_hash(order.account_slot));
    }

    #[inline(always)]
    pub fn prefetch_owner_cell(&self, account_slot: u32) {
        self.by_account.prefetch(account_hash(account_slot));
    }

    #[inline(always)]
    pub fn prefetch_client_cell(&self, hash: u64) {
        self.by_client.prefetch(hash);
    }

    #[inline(always)]
    pub fn prefetch_id(&self, id: u64) {
        self.by_id.prefetch(id);
    }

    /// Ask for what an account is likely to have here; answers where that is, or [`NIL`].
    #[inline(always)]
    pub fn prefetch_owner(&self, account_slot: u32) -> u32 {
        let Some(at) = self.by_account.first(account_hash(account_slot)) else { return NIL };
        if let Some(owner) = self.owners.get(at as usize) {
            prefetch_ends(owner);
        }
        at
    }

    /// Ask for the newest order of an owner, which is told of a newer one.
    #[inline(always)]
    pub fn prefetch_newest(&self, owner: u32) {
        if let Some(owner) = self.owners.get(owner as usize) {
            self.prefetch_links(owner.head);
        }
    }

    /// Ask for the end of an entry, where its neighbours are named.
    #[inline(always)]
    fn prefetch_links(&self, slot: u32) {
        if let Some(entry) = self.entries.get(slot) {
            prefetch(&entry.previous);
        }
    }

    /// Ask for the order that a client id's hash leads to; answers its slot, or [`NIL`].
    #[inline(always)]
    pub fn prefetch_order(&self, hash: u64) -> u32 {
        let slot = self.by_client.first(hash).unwrap_or(NIL);
        self.prefetch_slot(slot);
        slot
    }

    /// Ask for an order by its id; answers its slot, or [`NIL`].
    #[inline(always)]
    pub fn prefetch_named(&self, id: u64) -> u32 {
        let slot = self.by_id.get(id).map_or(NIL, Slot::number);
        self.prefetch_slot(slot);
        slot
    }

    #[inline(always)]
    pub fn prefetch_slot(&self, slot: u32) {
        if let Some(entry) = self.entries.get(slot) {
            prefetch_whole(entry);
        }
    }

    /// Where the order in a slot stands in the book, or [`NIL`]; asks for its neighbours among the account's orders.
    #[inline(always)]
    pub fn place_hint(&self, slot: u32) -> u32 {
        let Some(entry) = self.entries.get(slot) else { return NIL };
        self.prefetch_links(entry.previous);
        self.prefetch_links(entry.next);
        entry.place
    }

    /// Ask for where the next order will be taken in, under an id.
    #[inline(always)]
    pub fn prefetch_room(&self, id: u64) {
        self.by_id.prefetch(id);
        if let Some(slot) = self.free.last() {
            self.prefetch_slot(*slot);
        }
    }

    /// Ask for what a trade with an order needs besides it: its account, and the ways by which it would be forgotten.
    #[inline(always)]
    pub fn prefetch_ways_to(&self, slot: u32, prefetch_account: impl FnOnce(u32)) {
        let Some(entry) = self.entries.get(slot) else { return };
        prefetch_account(entry.order.account_slot);
        self.by_client.prefetch(hash_of(entry.order.client_key));
        self.prefetch_links(entry.next);
        if let Some(owner) = self.owners.get(entry.owner as usize) {
            prefetch_ends(owner);
        }
    }
}
