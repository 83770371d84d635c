//! Which rate applies to an execution, and what it takes.

use crate::UNIT;
use crate::accounts::Account;
use crate::instruments::{Definition, Rates};
use crate::tariffs::Tariffs;

/// The account's rates for the instrument, else its rates for every instrument, else its tier's, else the instrument's.
#[inline]
pub fn rates_for(account: &Account, definition: &Definition, tariffs: &Tariffs) -> Rates {
    let tier_rates = || tariffs.tiers.get(&account.tier).map_or(definition.rates, |tier| tier.rates);
    let fees = account.fees();
    if fees.is_empty() {
        return if account.tier == 0 { definition.rates } else { tier_rates() };
    }
    let rates_of = |instrument: u32| {
        let place = fees.binary_search_by_key(&instrument, |entry| entry.0).ok()?;
        Some(fees[place].1)
    };
    rates_of(definition.instrument).or_else(|| rates_of(0)).unwrap_or_else(tier_rates)
}

/// The part of what is received that the house keeps: rounded up, in its favour, never more than all of it.
#[inline]
pub fn commission(received: i128, rate: i64) -> i128 {
    let product = received * i128::from(rate);
    let rounded_up = match u64::try_from(product) {
        Ok(small) => i128::from(small.div_ceil(UNIT as u64)),
        Err(_) => (product + i128::from(UNIT) - 1) / i128::from(UNIT),
    };
    rounded_up.min(received)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_up_and_never_takes_more_than_there_is() {
        assert_eq!(commission(0, 100_000), 0);
        assert_eq!(commission(1, 100_000), 1);
        assert_eq!(commission(1_000, 100_000), 1);
        assert_eq!(commission(1_001, 100_000), 2);
        assert_eq!(commission(1, UNIT / 2), 1);
        assert_eq!(commission(1 << 95, UNIT / 2), 1 << 94);
        assert_eq!(commission((1 << 95) + 1, UNIT / 2), (1 << 94) + 1);
        assert_eq!(commission(1 << 95, 0), 0);
    }
}
