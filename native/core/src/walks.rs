//! What an order would meet on the book, found out before anything changes (section 5, Walk).

use std::collections::VecDeque;

use crate::UNIT;
use crate::book::Level;
use crate::filters::PriceRange;
use crate::instruments::Definition;
use crate::orders::{Order, notional};
use crate::turn::Turn;
use crate::words::Prevention;

#[derive(Clone, Copy, Default, Debug)]
pub struct Walk {
    pub filled: i128,
    pub cost: i128,
    /// The book ended before the money did (only by quote).
    pub ran_dry: bool,
}

/// What a walk does with what a maker shows.
enum Step {
    Take(i64),
    PassOver,
    Stop,
}

impl Turn<'_> {
    /// Go over what the makers of a level show, as matching would meet it; answers whether to go on to the next.
    fn walk_level(&self, level: &Level, mut step: impl FnMut(&Order, i64) -> Step) -> bool {
        let open = &self.listing.open;
        if level.hidden == 0 {
            return self.listing.book.slots_of(level).all(|slot| {
                let maker = open.order(slot);
                !matches!(step(maker, maker.remaining()), Step::Stop)
            });
        }
        let slots = self.listing.book.slots_of(level);
        let mut queue: VecDeque<(&Order, i64, i64)> = slots
            .map(|slot| {
                let maker = open.order(slot);
                (maker, maker.visible(), maker.remaining())
            })
            .collect();
        while let Some((maker, visible, remaining)) = queue.pop_front() {
            match step(maker, visible) {
                Step::Stop => return false,
                // What is taken of a part that is not used up was the taker's last.
                Step::Take(taken) if taken == visible && remaining > taken => {
                    let left = remaining - taken;
                    queue.push_back((maker, maker.iceberg().min(left), left));
                }
                Step::Take(_) | Step::PassOver => {}
            }
        }
        true
    }

    /// Go over the makers that `taker` would meet for its quantity.
    pub fn walk(&self, taker: &Order, range: Option<&PriceRange>) -> Walk {
        let mut found = Walk::default();
        let mut remaining = taker.quantity;
        for (price, level) in self.listing.book.levels_from_best(taker.side.opposite()) {
            if remaining == 0 || !taker.crosses(price) || range.is_some_and(|range| !range.allows(price)) {
                break;
            }
            let goes_on = self.walk_level(&level, |maker, visible| {
                if remaining == 0 {
                    return Step::Stop;
                }
                let met = remaining.min(visible);
                if self.accounts.are_self(taker.account_slot, maker.account_slot) {
                    match taker.stp() {
                        Prevention::None => {}
                        Prevention::ExpireMaker => return Step::PassOver,
                        Prevention::ExpireTaker | Prevention::ExpireBoth => return Step::Stop,
                        Prevention::Decrement | Prevention::Transfer => {
                            remaining -= met;
                            if self.is_transfer(taker, maker) {
                                found.cost += notional(price, met);
                            }
                            return Step::Take(met);
                        }
                    }
                }
                found.filled += i128::from(met);
                found.cost += notional(price, met);
                remaining -= met;
                Step::Take(met)
            });
            if !goes_on {
                break;
            }
        }
        found
    }

    /// Go over the makers that `taker` would meet for its quote quantity.
    pub fn walk_by_quote(&self, taker: &Order, range: Option<&PriceRange>) -> Walk {
        let mut found = Walk::default();
        let mut money = taker.quote_quantity().unwrap_or(0);
        let lot = i128::from(lot_of(&self.listing.definition));
        let mut is_over = false;
        for (price, level) in self.listing.book.levels_from_best(taker.side.opposite()) {
            if range.is_some_and(|range| !range.allows(price)) {
                is_over = true;
                break;
            }
            let goes_on = self.walk_level(&level, |maker, visible| {
                if self.accounts.are_self(taker.account_slot, maker.account_slot) {
                    match taker.stp() {
                        Prevention::None => {}
                        Prevention::ExpireMaker => return Step::PassOver,
                        _ => return Step::Stop,
                    }
                }
                let affordable = money * i128::from(UNIT) / i128::from(price);
                let affordable = affordable - affordable % lot;
                let fill = i64::try_from(affordable).map_or(visible, |affordable| affordable.min(visible));
                let cost = notional(price, fill);
                found.filled += i128::from(fill);
                found.cost += cost;
                money -= cost;
                is_over = fill < visible || money == 0;
                if is_over { Step::Stop } else { Step::Take(fill) }
            });
            if !goes_on {
                break;
            }
        }
        found.ran_dry = !is_over;
        found
    }
}

fn lot_of(definition: &Definition) -> i64 {
    if definition.market_step > 0 { definition.market_step } else { definition.step }
}
