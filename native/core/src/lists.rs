//! Order lists: legs that begin, end and pay for one another (section 6 of rules 2).

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::codec::ClientId;
use crate::words::ListForm;

#[derive(Clone, Debug)]
pub struct OrderList {
    pub id: u64,
    pub account: u64,
    pub account_slot: u32,
    pub form: ListForm,
    pub list_client_id: ClientId,
    /// The legs' orders with their client ids as last known, in the order of their roles.
    pub legs: Vec<(u64, ClientId)>,
    /// How many legs have not ended.
    pub open: usize,
}

impl OrderList {
    /// The other leg of a leg's OCO pair.
    pub fn sibling_of(&self, order: u64) -> Option<u64> {
        let pair = self.legs.get(self.form.pair_at()?..)?;
        let place = pair.iter().position(|(id, _)| *id == order)?;
        pair.get(1 - place).map(|(id, _)| *id)
    }

    /// The first leg of its OCO pair: the one that holds for both.
    pub fn holder(&self) -> Option<u64> {
        self.form.pair_at().map(|place| self.legs[place].0)
    }

    /// The leg that works while the others are pending.
    pub fn working(&self) -> Option<u64> {
        self.form.has_working().then(|| self.legs[0].0)
    }

    /// The legs that wait for the working one.
    pub fn pending(&self) -> &[(u64, ClientId)] {
        if self.form.has_working() { &self.legs[1..] } else { &[] }
    }
}

/// The open lists of one instrument.
#[derive(Clone, Default)]
pub struct Lists {
    pub by_id: BTreeMap<u64, OrderList>,
    by_client: FxHashMap<(u32, ClientId), u64>,
    by_account: FxHashMap<u32, u32>,
}

impl Lists {
    pub fn get(&self, id: u64) -> Option<&OrderList> {
        self.by_id.get(&id)
    }

    pub fn by_client(&self, account_slot: u32, list_client_id: &ClientId) -> Option<u64> {
        self.by_client.get(&(account_slot, *list_client_id)).copied()
    }

    /// How many lists the account has open here.
    pub fn count_of(&self, account_slot: u32) -> u32 {
        self.by_account.get(&account_slot).copied().unwrap_or(0)
    }

    pub fn add(&mut self, list: OrderList) {
        self.by_client.insert((list.account_slot, list.list_client_id), list.id);
        *self.by_account.entry(list.account_slot).or_default() += 1;
        self.by_id.insert(list.id, list);
    }

    pub fn remove(&mut self, id: u64) -> Option<OrderList> {
        let list = self.by_id.remove(&id)?;
        self.by_client.remove(&(list.account_slot, list.list_client_id));
        let count = self.by_account.get_mut(&list.account_slot).expect("an account with a list is indexed");
        *count -= 1;
        if *count == 0 {
            self.by_account.remove(&list.account_slot);
        }
        Some(list)
    }

    /// Note another client id of a leg.
    pub fn rename(&mut self, id: u64, order: u64, client_id: ClientId) {
        let legs = self.by_id.get_mut(&id).map(|list| list.legs.iter_mut());
        if let Some(leg) = legs.and_then(|mut legs| legs.find(|leg| leg.0 == order)) {
            leg.1 = client_id;
        }
    }

    /// Note that a leg ended; answers whether it was the last.
    pub fn note_end(&mut self, id: u64) -> bool {
        let Some(list) = self.by_id.get_mut(&id) else { return false };
        list.open -= 1;
        list.open == 0
    }
}
