"""The bytes of every command and event, as docs/engine.md and docs/engine-2.md write them."""

from collections.abc import Mapping
from typing import Any, Final

from sim.reference_fields import Absent, Layout, Malformed, Optional, Part, Repeated
from sim.reference_record import Record

_ORDER_REQUEST_1: Final = """
u64 account, u32 instrument, u8 side 1-2, u8 type 1-7, u8 time_in_force 1-3, u8 stp 0-4|255, u8 flags 0-7,
i64 price, i64 quantity, i128 quote_quantity, i64 strategy_id, i32 strategy_type, str client_id 1-36"""
_ORDER_REQUEST: Final = _ORDER_REQUEST_1.replace("0-4|255", "0-5|255")
_EXTENSION: Final = Optional(
    "extension",
    "i64 stop_price",
    "u32 trailing_delta",
    "i64 iceberg",
    "u8 peg_type 1-2, u8 peg_offset",
    "i64 expires_us",
)
_NO_EXTENSION: Final = Absent(_EXTENSION.names)

_IMAGE_1: Final = """
u32 instrument, str symbol 1-32, u32 base, u32 quote, u8 status 1-4, i64 price_min, i64 price_max, i64 tick,
i64 quantity_min, i64 quantity_max, i64 step, i64 market_quantity_min, i64 market_quantity_max, i64 market_step,
i128 notional_min, i128 notional_max, u8 notional_flags 0-3, i64 bid_up, i64 bid_down, i64 ask_up, i64 ask_down,
u32 average_minutes, u32 orders_max, i64 maker_rate, i64 taker_rate, u8 stp_default 0-4, u8 stp_allowed,
u16 types_allowed"""
INSTRUMENT_IMAGE_1: Final = Layout(_IMAGE_1)
INSTRUMENT_IMAGE: Final = Layout(_IMAGE_1.replace("status 1-4", "status 1-5").replace("default 0-4", "default 0-5"))

RULES_IMAGE: Final = Layout(
    """u32 instrument, u16 features 0-2047, u32 algo_orders_max, u32 iceberg_orders_max, u32 iceberg_parts_max,
    u32 lists_max, u32 amends_max, i128 position_max, u32 trailing_above_min, u32 trailing_above_max,
    u32 trailing_below_min, u32 trailing_below_max, i64 percent_up, i64 percent_down, i64 range_bid_up,
    i64 range_bid_down, i64 range_ask_up, i64 range_ask_down"""
)
VENUE_RULES: Final = Layout("u32 orders_max, u32 algo_orders_max, u32 iceberg_orders_max, u32 lists_max")
_TIER: Final = Layout("u32 tier, i64 maker, i64 taker")
_DISCOUNT: Final = Layout("u32 asset, i64 rate")
_DISCOUNT_PRICE: Final = Layout("u32 asset, i64 price")
_SWITCH: Final = Layout("u64 account, u8 on 0-1")
_ASSET_LIMIT: Final = Layout("u32 asset, i128 limit")
_LEGS_OF_FORM: Final = {1: 2, 2: 2, 3: 3, 4: 2, 5: 3}


def _replacement(request: str, extension: Part) -> Layout:
    return Layout(
        "u8 mode 1-2, u64 cancel_order, u8 restriction 0-2, str cancel_client_id 0-36, str cancel_request_id 0-36,"
        + request.replace("flags 0-7", "flags 0|2|4|6"),
        extension,
    )


class _Legs(Repeated):
    """The order requests of a list: as many as its form asks, all of one account on one instrument."""

    def __init__(self) -> None:
        super().__init__("legs", Layout(_ORDER_REQUEST.replace("flags 0-7", "flags 0|2|4|6"), _EXTENSION))

    def read(self, data: bytes, at: int, into: dict[str, Any]) -> int:
        if at >= len(data) or data[at] != _LEGS_OF_FORM[into["form"]]:
            raise Malformed("legs")
        at = super().read(data, at, into)
        legs: list[Record] = into["legs"]
        if len({(leg.account, leg.instrument) for leg in legs}) > 1:
            raise Malformed("legs of several accounts or instruments")
        into |= {"account": legs[0].account, "instrument": legs[0].instrument}
        return at


_COMMANDS_1: Final = {
    1: Layout("u32 asset, str code 1-16"),
    2: INSTRUMENT_IMAGE_1,
    3: INSTRUMENT_IMAGE_1,
    4: Layout("u32 instrument, u8 status 1-4"),
    5: Layout("u64 account, i64 trade_group"),
    6: Layout("u64 account, u8 permissions 0-7"),
    7: Layout("u64 account, u32 instrument, i64 maker, i64 taker"),
    8: Layout("u64 account, u32 asset, i128 amount, bytes32 identity"),
    9: Layout("u64 account, u32 asset, i128 amount, u64 withdrawal"),
    10: Layout("u64 withdrawal"),
    11: Layout("u64 withdrawal"),
    12: Layout(_ORDER_REQUEST_1, _NO_EXTENSION),
    13: Layout("u64 account, u32 instrument, u64 order, u8 restriction 0-2, str client_id 0-36, str request_id 0-36"),
    14: Layout("u64 account, u32 instrument, str request_id 0-36"),
    15: _replacement(_ORDER_REQUEST_1, _NO_EXTENSION),
    16: Layout(""),
    17: Layout("u32 version"),
}
_COMMANDS_2: Final = {
    2: INSTRUMENT_IMAGE,
    3: INSTRUMENT_IMAGE,
    4: Layout("u32 instrument, u8 status 1-5"),
    12: Layout(_ORDER_REQUEST, _NO_EXTENSION),
    15: _replacement(_ORDER_REQUEST, _NO_EXTENSION),
    18: Layout("u64 account, u32 instrument, u64 order, i64 new_quantity, str client_id 0-36, str new_client_id 1-36"),
    19: Layout("u8 form 1-5, str client_id 1-36", _Legs()),
    20: Layout("u64 account, u32 instrument, u64 list_id, str client_id 0-36, str request_id 0-36"),
    21: RULES_IMAGE,
    22: _SWITCH,
    23: Layout("u64 account, u32 instrument, i64 countdown_us"),
    24: _TIER,
    25: Layout("u64 account, u32 tier"),
    26: _DISCOUNT,
    27: _DISCOUNT_PRICE,
    28: _SWITCH,
    29: VENUE_RULES,
    30: _ASSET_LIMIT,
}
_EXTENDED: Final = {
    12: Layout(_ORDER_REQUEST, _EXTENSION),
    15: _replacement(_ORDER_REQUEST, _EXTENSION),
}

COMMANDS_OF_RULES: Final[Mapping[int, Mapping[tuple[int, int], Layout]]] = {
    1: {(kind, 1): layout for kind, layout in _COMMANDS_1.items()},
    2: {(kind, 1): layout for kind, layout in (_COMMANDS_1 | _COMMANDS_2).items()}
    | {(kind, 2): layout for kind, layout in _EXTENDED.items()},
}
"""(kind, version of the frame) → layout, for each version of the rules."""

_WITHDRAWAL: Final = Layout("u64 withdrawal, u64 account, u32 asset, i128 amount")
_ORDER_IMAGE: Final = """
u64 account, u32 instrument, u64 order, u8 side, u8 type, u8 time_in_force, u8 stp, u8 status, u8 execution,
u8 expiry, u8 flags, i64 price, i64 quantity, i64 executed, i128 cumulative_quote, i128 quote_quantity,
i64 prevented, i64 last_price, i64 last_quantity, i128 last_quote, i128 commission, u32 commission_asset,
u64 trade, u64 prevented_match, i64 last_prevented, u64 counter_order, u64 execution_id, i64 created_us,
i64 working_us, i64 strategy_id, i32 strategy_type, i128 held, str client_id 0-36, str request_id 0-36"""

_EVENTS_1: Final = {
    1: Layout("u16 command, u16 reason, u64 account, u32 instrument, str client_id 0-36"),
    2: Layout("u64 original"),
    3: Layout("u32 asset, str code 1-16"),
    4: INSTRUMENT_IMAGE,
    5: Layout("u32 instrument, u8 status"),
    6: Layout("u64 account, i64 trade_group, u8 permissions"),
    7: Layout("u64 account, u32 instrument, i64 maker, i64 taker"),
    8: Layout("u64 account, u32 asset, i128 amount, bytes32 identity"),
    9: _WITHDRAWAL,
    10: _WITHDRAWAL,
    11: _WITHDRAWAL,
    12: Layout(_ORDER_IMAGE),
    13: Layout(
        """u32 instrument, u64 trade, u64 aggregate, i64 price, i64 quantity, i128 quote, u64 maker_order,
        u64 taker_order, u64 maker_account, u64 taker_account, u8 taker_side"""
    ),
    14: Layout("u64 account, u32 instrument, str client_id 0-36"),
    15: Layout("u8 cancel_result, u16 cancel_reason, u8 new_result, u16 new_reason, u64 canceled_order, u64 new_order"),
    16: Layout("u32 instrument, u64 update, u8 side, i64 price, i128 quantity"),
    17: Layout("u64 account, u32 asset, i128 available, i128 held, i128 available_delta, i128 held_delta"),
    18: Layout(""),
    19: Layout("u32 version"),
    20: Layout(
        """u64 account, u32 instrument, u64 list_id, u8 form, u8 status_type, str client_id 1-36,
        str request_id 0-36""",
        Repeated("legs", Layout("u64 order, str client_id 1-36")),
    ),
    21: RULES_IMAGE,
    22: _SWITCH,
    23: Layout("u64 account, u32 instrument, i64 deadline_us"),
    24: Layout("u64 account, u32 instrument"),
    25: _TIER,
    26: Layout("u64 account, u32 tier"),
    27: _DISCOUNT,
    28: _DISCOUNT_PRICE,
    29: _SWITCH,
    30: VENUE_RULES,
    31: _ASSET_LIMIT,
    32: Layout("u32 instrument, i64 price, i128 quantity, i128 imbalance"),
}
EVENTS: Final = {(kind, 1): layout for kind, layout in _EVENTS_1.items()} | {
    (12, 2): Layout(
        _ORDER_IMAGE,
        """i64 stop_price, u32 trailing_delta, i64 trailing_us, i64 iceberg, u8 peg_type, u8 peg_offset,
        i64 sent_price, u64 list_id, i64 expires_us, u32 amends, str original_client_id 0-36""",
    )
}
"""(kind, version of the frame) → layout."""
