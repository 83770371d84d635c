//! What an order would meet on the book, found out before anything changes (section 5, Walk).

use crate::UNIT;
use crate::accounts::Accounts;
use crate::instruments::Definition;
use crate::listings::Listing;
use crate::orders::{Order, notional};
use crate::words::Prevention;

#[derive(Clone, Copy, Default, Debug)]
pub struct Walk {
    pub filled: i128,
    pub cost: i128,
    /// The book ended before the money did (only by quote).
    pub ran_dry: bool,
}

/// Go over the makers that `taker` would meet for its quantity.
pub fn walk(listing: &Listing, accounts: &Accounts, taker: &Order) -> Walk {
    let mut found = Walk::default();
    let mut remaining = taker.quantity;
    for maker in listing.book.orders(taker.side.opposite()) {
        if remaining == 0 || !taker.crosses(maker.price) {
            break;
        }
        let met = remaining.min(maker.remaining());
        if accounts.are_self(taker.account_slot, maker.account_slot) {
            match taker.stp {
                Prevention::None => {}
                Prevention::ExpireMaker => continue,
                Prevention::ExpireTaker | Prevention::ExpireBoth => break,
                Prevention::Decrement => {
                    remaining -= met;
                    continue;
                }
            }
        }
        found.filled += i128::from(met);
        found.cost += notional(maker.price, met);
        remaining -= met;
    }
    found
}

/// Go over the makers that `taker` would meet for its quote quantity.
pub fn walk_by_quote(listing: &Listing, accounts: &Accounts, taker: &Order) -> Walk {
    let mut found = Walk::default();
    let mut money = taker.quote_quantity;
    let lot = i128::from(lot_of(&listing.definition));
    for maker in listing.book.orders(taker.side.opposite()) {
        if accounts.are_self(taker.account_slot, maker.account_slot) {
            match taker.stp {
                Prevention::None => {}
                Prevention::ExpireMaker => continue,
                Prevention::ExpireTaker | Prevention::ExpireBoth | Prevention::Decrement => break,
            }
        }
        let affordable = money * i128::from(UNIT) / i128::from(maker.price);
        let affordable = affordable - affordable % lot;
        if affordable == 0 {
            return found;
        }
        let maker_remaining = maker.remaining();
        let fill = i64::try_from(affordable).map_or(maker_remaining, |affordable| affordable.min(maker_remaining));
        let cost = notional(maker.price, fill);
        found.filled += i128::from(fill);
        found.cost += cost;
        money -= cost;
        if fill < maker_remaining || money == 0 {
            return found;
        }
    }
    found.ran_dry = true;
    found
}

fn lot_of(definition: &Definition) -> i64 {
    if definition.market_step > 0 { definition.market_step } else { definition.step }
}
