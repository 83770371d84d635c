//! What trading costs beside an instrument's own rates: fee tiers, and commissions paid in the discount asset.

use std::collections::BTreeMap;

use crate::UNIT;
use crate::engine::Engine;
use crate::instruments::Rates;
use crate::words::Reason;

#[derive(Clone, Copy, Debug)]
pub struct Tier {
    pub rates: Rates,
    /// How many accounts have it.
    pub accounts: u32,
}

/// The tiers, and what the discount asset is worth.
#[derive(Clone, Default, Debug)]
pub struct Tariffs {
    /// 0: commissions are paid in what was received.
    pub discount_asset: u32,
    /// The part of a commission that is asked in the discount asset.
    pub discount_rate: i64,
    /// What one unit of the discount asset is worth in other assets.
    pub discount_prices: BTreeMap<u32, i64>,
    pub tiers: BTreeMap<u32, Tier>,
}

impl Tariffs {
    /// What a commission costs in the discount asset, rounded up; `None` when it cannot be paid so.
    pub fn discounted(&self, commission: i128, asset: u32) -> Option<i128> {
        if self.discount_asset == 0 {
            return None;
        }
        let unit = i128::from(UNIT);
        let reduced = (commission * i128::from(self.discount_rate) + unit - 1) / unit;
        if asset == self.discount_asset {
            return Some(reduced);
        }
        let price = i128::from(*self.discount_prices.get(&asset)?);
        Some((reduced * unit + price - 1) / price)
    }
}

impl Engine {
    pub(crate) fn define_tier(&mut self, tier: u32, rates: Rates) -> Result<(), Reason> {
        if tier == 0 {
            return Err(Reason::InvalidDefinition);
        }
        let tiers = &mut self.venue.tariffs.tiers;
        let accounts = tiers.get(&tier).map_or(0, |known| known.accounts);
        if rates == Rates::REMOVED {
            if accounts > 0 {
                return Err(Reason::InvalidDefinition);
            }
            tiers.remove(&tier);
        } else {
            if !rates.are_sound() {
                return Err(Reason::InvalidRate);
            }
            tiers.insert(tier, Tier { rates, accounts });
        }
        self.events.tier_defined(tier, rates);
        Ok(())
    }

    pub(crate) fn assign_tier(&mut self, account: u64, tier: u32) -> Result<(), Reason> {
        let slot = self.accounts.slot(account).ok_or(Reason::UnknownAccount)?;
        let tiers = &mut self.venue.tariffs.tiers;
        if tier != 0 {
            tiers.get_mut(&tier).ok_or(Reason::UnknownTier)?.accounts += 1;
        }
        let before = std::mem::replace(&mut self.accounts.at_mut(slot).tier, tier);
        if let Some(left) = tiers.get_mut(&before) {
            left.accounts -= 1;
        }
        self.events.tier_assigned(account, tier);
        Ok(())
    }

    pub(crate) fn set_discount(&mut self, asset: u32, rate: i64) -> Result<(), Reason> {
        if asset != 0 && !self.assets.contains_key(&asset) {
            return Err(Reason::UnknownAsset);
        }
        let rate_max = if asset == 0 { 0 } else { UNIT };
        if !(0..=rate_max).contains(&rate) {
            return Err(Reason::InvalidRate);
        }
        self.venue.tariffs.discount_asset = asset;
        self.venue.tariffs.discount_rate = rate;
        self.events.discount_set(asset, rate);
        Ok(())
    }

    pub(crate) fn set_discount_price(&mut self, asset: u32, price: i64) -> Result<(), Reason> {
        if !self.assets.contains_key(&asset) {
            return Err(Reason::UnknownAsset);
        }
        if price < 0 {
            return Err(Reason::InvalidAmount);
        }
        let prices = &mut self.venue.tariffs.discount_prices;
        if price == 0 {
            prices.remove(&asset);
        } else {
            prices.insert(asset, price);
        }
        self.events.discount_price_set(asset, price);
        Ok(())
    }

    pub(crate) fn use_discount(&mut self, account: u64, is_on: bool) -> Result<(), Reason> {
        let slot = self.accounts.slot(account).ok_or(Reason::UnknownAccount)?;
        self.accounts.at_mut(slot).uses_discount = is_on;
        self.events.discount_used(account, is_on);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_discounted_commission_is_rounded_up_in_both_steps() {
        let mut tariffs = Tariffs { discount_asset: 9, discount_rate: 75_000_000, ..Tariffs::default() };
        tariffs.discount_prices.insert(2, 3 * UNIT);
        assert_eq!(tariffs.discounted(10, 9), Some(8));
        assert_eq!(tariffs.discounted(10, 2), Some(3));
        assert_eq!(tariffs.discounted(10, 3), None);
        assert_eq!(Tariffs::default().discounted(10, 9), None);
        tariffs.discount_prices.insert(2, 1);
        assert!(tariffs.discounted((1 << 96) - 1, 2).is_some());
    }
}
