"""Which definitions may be in force: of instruments, their rules, and rates."""

from typing import Final

from openbourse.protocol.amounts import UNIT
from openbourse.protocol.instruments import Feature
from sim.reference_record import Record
from sim.reference_state import AMOUNT_END, State

COUNTDOWN_MAX_US: Final = 86_400_000_000
ICEBERG_PARTS_MAX: Final = 10_000


def is_sound_image(state: State, image: Record) -> bool:
    """Say whether an instrument's image may be in force."""
    return bool(
        image.instrument >= 1
        and image.base in state.assets
        and image.quote in state.assets
        and image.base != image.quote
        and image.price_min >= 0
        and image.price_max >= 0
        and (image.price_max == 0 or image.price_min <= image.price_max)
        and image.tick >= 1
        and 1 <= image.quantity_min <= image.quantity_max
        and image.step >= 1
        and image.tick * image.step % UNIT == 0
        and image.market_quantity_min >= 0
        and image.market_quantity_max >= 0
        and (image.market_quantity_max == 0 or image.market_quantity_min <= image.market_quantity_max)
        and image.market_step >= 0
        and image.market_step % image.step == 0
        and 0 <= image.notional_min < AMOUNT_END
        and 0 <= image.notional_max < AMOUNT_END
        and (image.notional_max == 0 or image.notional_min <= image.notional_max)
        and min(image.bid_up, image.bid_down, image.ask_up, image.ask_down) >= 0
        and image.average_minutes <= 60
        and image.orders_max >= 1
        and is_sound_rate(image.maker_rate)
        and is_sound_rate(image.taker_rate)
        and image.stp_allowed < (32 if state.rules == 1 else 64)
        and image.stp_allowed >> image.stp_default & 1
        and image.types_allowed & ~0b1111_1110 == 0
    )


def is_sound_rules(rules: Record) -> bool:
    """Say whether an instrument's rules image may be in force."""
    bounds = (rules.percent_up, rules.percent_down, rules.range_bid_up, rules.range_bid_down)
    return bool(
        0 <= rules.position_max < AMOUNT_END
        # Every part that comes to light may be a trade of one taker's command: their number has an end.
        and (not rules.features & Feature.ICEBERG or 1 <= rules.iceberg_parts_max <= ICEBERG_PARTS_MAX)
        and (rules.trailing_above_max == 0 or rules.trailing_above_min <= rules.trailing_above_max)
        and (rules.trailing_below_max == 0 or rules.trailing_below_min <= rules.trailing_below_max)
        and min(*bounds, rules.range_ask_up, rules.range_ask_down) >= 0
    )


def is_sound_rate(rate: int) -> bool:
    """Say whether a commission may be reckoned at a rate."""
    return 0 <= rate <= UNIT // 2
