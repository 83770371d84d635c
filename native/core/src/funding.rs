//! Deposits and withdrawals: the only commands that change an asset's supply.

use crate::AMOUNT_BOUND;
use crate::engine::Engine;
use crate::words::{EventKind, Reason, permission};

/// An amount held until the wallet says that it left, or that it did not.
#[derive(Clone, Copy, Debug)]
pub struct Withdrawal {
    pub account: u64,
    pub asset: u32,
    pub amount: i128,
}

impl Engine {
    /// The checks that deposits and withdrawals share; answers the account's slot.
    fn check_funding(&self, account: u64, asset: u32, wanted: u8, denied: Reason, amount: i128) -> Result<u32, Reason> {
        let slot = self.accounts.slot(account).ok_or(Reason::UnknownAccount)?;
        if !self.assets.contains_key(&asset) {
            return Err(Reason::UnknownAsset);
        }
        if !self.accounts.at(slot).may(wanted) {
            return Err(denied);
        }
        if !(1..AMOUNT_BOUND).contains(&amount) {
            return Err(Reason::InvalidAmount);
        }
        Ok(slot)
    }

    pub(crate) fn credit_deposit(
        &mut self,
        account: u64,
        asset: u32,
        amount: i128,
        identity: [u8; 32],
    ) -> Result<(), Reason> {
        let slot = self.check_funding(account, asset, permission::DEPOSIT, Reason::AccountMayNotDeposit, amount)?;
        if self.deposits.contains(&identity) {
            return Err(Reason::DuplicateDeposit);
        }
        let supply = &mut self.assets.get_mut(&asset).ok_or(Reason::UnknownAsset)?.supply;
        if *supply + amount >= AMOUNT_BOUND {
            return Err(Reason::SupplyExceeded);
        }
        *supply += amount;
        self.deposits.insert(identity);
        self.accounts.supply(slot, asset, amount, 0);
        self.events.deposit_credited(account, asset, amount, &identity);
        Ok(())
    }

    pub(crate) fn hold_withdrawal(
        &mut self,
        account: u64,
        asset: u32,
        amount: i128,
        withdrawal: u64,
    ) -> Result<(), Reason> {
        let slot = self.check_funding(account, asset, permission::WITHDRAW, Reason::AccountMayNotWithdraw, amount)?;
        if self.withdrawals.contains_key(&withdrawal) {
            return Err(Reason::DuplicateWithdrawal);
        }
        if self.accounts.at(slot).balance(asset).available < amount {
            return Err(Reason::InsufficientBalance);
        }
        let held = Withdrawal { account, asset, amount };
        self.accounts.hold(slot, asset, amount);
        self.withdrawals.insert(withdrawal, held);
        self.events.withdrawal(EventKind::WithdrawalHeld, withdrawal, &held);
        Ok(())
    }

    /// Let a held withdrawal leave the venue.
    pub(crate) fn settle_withdrawal(&mut self, withdrawal: u64) -> Result<(), Reason> {
        let held = self.withdrawals.remove(&withdrawal).ok_or(Reason::UnknownWithdrawal)?;
        let slot = self.accounts.slot(held.account).expect("a withdrawal's account exists");
        self.assets.get_mut(&held.asset).expect("a withdrawal's asset exists").supply -= held.amount;
        self.accounts.supply(slot, held.asset, 0, -held.amount);
        self.events.withdrawal(EventKind::WithdrawalSettled, withdrawal, &held);
        Ok(())
    }

    /// Give a held withdrawal back to its account.
    pub(crate) fn release_withdrawal(&mut self, withdrawal: u64) -> Result<(), Reason> {
        let held = self.withdrawals.remove(&withdrawal).ok_or(Reason::UnknownWithdrawal)?;
        let slot = self.accounts.slot(held.account).expect("a withdrawal's account exists");
        self.accounts.release(slot, held.asset, held.amount);
        self.events.withdrawal(EventKind::WithdrawalReleased, withdrawal, &held);
        Ok(())
    }
}
