"""The administration of rules version 2 in a workload: phases, rules, switches, tiers and discounts; sound mostly."""

import msgspec

from openbourse.protocol.amounts import UNIT
from openbourse.protocol.commands import (
    AdvanceTime,
    AssignTier,
    ChangeInstrument,
    Command,
    DefineTier,
    SetAssetLimit,
    SetDiscount,
    SetDiscountPrice,
    SetHeartbeat,
    SetInstrumentRules,
    SetInstrumentStatus,
    SetKillSwitch,
    SetRules,
    SetVenueRules,
    UseDiscount,
)
from openbourse.protocol.instruments import Feature, InstrumentRules, InstrumentStatus
from sim.workload_known import Known
from sim.workload_trading import EXTREME_AMOUNTS

_OFFERED = Feature.ICEBERG | Feature.TRAILING | Feature.OCO | Feature.OTO | Feature.OPO | Feature.PEG
_OFFERED |= Feature.AMEND | Feature.GOOD_TILL | Feature.DISCOUNT


class Switches:
    """Makes the administrative commands of rules 2 from what is known."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self.random = known.random

    def opening(self) -> list[Command]:
        """Return the commands with which rules 2 begin."""
        commands: list[Command] = [SetRules(2)]
        images = self.known.images.values()
        commands += [ChangeInstrument(msgspec.structs.replace(image, stp_allowed=63)) for image in images]
        commands += [SetInstrumentRules(self.rules(number)) for number in self.known.images]
        return [*commands, SetDiscount(4, UNIT // 4 * 3), DefineTier(1, 5_000, 9_000)]

    def rules(self, number: int) -> InstrumentRules:
        """Return an instrument's rules: nearly everything on, with bounds that sometimes bite."""
        pick = self.random.choice
        features = int(_OFFERED)
        if self.random.random() < 0.3:
            features ^= 1 << self.random.randrange(11)
        return InstrumentRules(
            instrument=number,
            features=features,
            algo_orders_max=pick((0, 0, 3, 20)),
            iceberg_orders_max=pick((0, 0, 2, 10)),
            iceberg_parts_max=pick((5, 10, 100)),
            lists_max=pick((0, 0, 1, 20)),
            amends_max=pick((0, 0, 1, 5)),
            position_max=pick((*[0] * 9, 10**9 * UNIT)),
            trailing_above_min=pick((0, 0, 2)),
            trailing_above_max=pick((0, 0, 600)),
            trailing_below_min=pick((0, 0, 2)),
            trailing_below_max=pick((0, 0, 600)),
            percent_up=pick((0, 0, UNIT + UNIT // 10, UNIT + UNIT // 50)),
            percent_down=pick((0, 0, UNIT - UNIT // 10, UNIT - UNIT // 50)),
            range_bid_up=pick((0, 0, UNIT + UNIT // 1_000, UNIT + UNIT // 100)),
            range_bid_down=pick((0, 0, 0, UNIT // 2)),
            range_ask_up=pick((0, 0, 0, 2 * UNIT)),
            range_ask_down=pick((0, 0, UNIT - UNIT // 1_000, UNIT - UNIT // 100)),
        )

    def instrument_rules(self) -> SetInstrumentRules:
        """Return rules of an instrument, sometimes unsound ones."""
        rules = self.rules(self.random.choice((1, 1, 2, 2, 3, 3, 9)))
        if self.random.random() < 0.1:
            field = self.random.choice(("position_max", "percent_up", "range_ask_down"))
            rules = msgspec.structs.replace(rules, trailing_above_min=700, **{field: self.random.choice((-1, 2**62))})
        elif rules.lists_max == rules.amends_max == 1:
            rules = msgspec.structs.replace(rules, iceberg_parts_max=0 if rules.trailing_below_min else 10_001)
        return SetInstrumentRules(rules)

    def phase(self) -> Command:
        """Return a change of phase: an auction that began some time ago ends, or another begins."""
        image = self.known.auction()
        if image is not None:
            status = self.random.choice((*[InstrumentStatus.TRADING] * 6, *InstrumentStatus))
            return SetInstrumentStatus(image.instrument, status)
        return SetInstrumentStatus(self.random.randrange(1, 4), InstrumentStatus.AUCTION)

    def advance(self) -> AdvanceTime:
        """Return the command that lets happen what is due."""
        return AdvanceTime()

    def kill_switch(self) -> SetKillSwitch:
        """Return a switch: whoever is off is mostly let in again."""
        if self.known.killed and self.random.random() < 0.85:
            return SetKillSwitch(self.random.choice(sorted(self.known.killed)), 0)
        return SetKillSwitch(self.random.choice((*self.known.accounts, 1, 444)), self.random.choice((1, 0, 0)))

    def heartbeat(self) -> SetHeartbeat:
        """Return a heartbeat of an account, its removal, or an odd one."""
        pick = self.random.choice
        countdown = pick((0, 1, 1_000_000, 8_000_000, 70_000_000, 86_400_000_000, 86_400_000_001, -1))
        return SetHeartbeat(pick((*self.known.accounts, 333)), pick((0, 0, 1, 2, 3, 9)), countdown)

    def tier(self) -> Command:
        """Return a tier, or an account put in one."""
        pick = self.random.choice
        if pick((True, False)):
            return AssignTier(pick((*self.known.accounts, 222)), pick((0, 1, 1, 2, 3)))
        maker, taker = pick(((0, 0), (50_000, 75_000), (UNIT // 2, 3), (-1, -1), (-1, 0), (0, UNIT)))
        return DefineTier(pick((0, 1, 2, 3)), maker, taker)

    def discount(self) -> Command:
        """Return a discount, a price of its asset, or whether an account uses it."""
        pick = self.random.choice
        way = self.random.randrange(6)
        if way == 0:
            asset, rate = pick(((0, 0), (1, UNIT // 2), (2, 0), (4, UNIT), (4, UNIT // 3), (0, 1), (4, -1), (99, 1)))
            return SetDiscount(asset, rate)
        if way < 3:
            price = pick((0, 1, 3, UNIT, 7 * UNIT, UNIT // 1_000, 2**62, -1))
            return SetDiscountPrice(pick((1, 2, 3, 4, 98)), price)
        return UseDiscount(pick((*self.known.accounts, 111)), pick((1, 1, 0)))

    def venue_rules(self) -> SetVenueRules:
        """Return bounds over all instruments: mostly none."""
        pick = self.random.choice
        if pick((True, True, False)):
            return SetVenueRules(0, 0, 0, 0)
        return SetVenueRules(pick((0, 0, 12, 60)), pick((0, 0, 6)), pick((0, 0, 1)), pick((0, 0, 1)))

    def asset_limit(self) -> SetAssetLimit:
        """Return how much of an asset one order may move: mostly as much as it likes."""
        pick = self.random.choice
        limit = pick((*[0] * 25, 50 * UNIT, 10**5 * UNIT, 10**7 * UNIT, pick(EXTREME_AMOUNTS)))
        return SetAssetLimit(pick((1, 2, 3, 4, 97)), limit)
