"""Event frames made by hand, and an engine that answers with them: for tests of what an answer shows."""

from collections.abc import Iterable
from struct import pack
from typing import Any

import msgspec

from openbourse.protocol import events as e
from openbourse.protocol.codec import EVENT_HEADER, i128, text

ORDER = e.OrderUpdated(
    sequence=0,
    index=0,
    account=1_000,
    instrument=1,
    order=7,
    side=2,
    type=1,
    time_in_force=1,
    stp=1,
    status=1,
    execution=1,
    expiry=0,
    flags=1,
    price=9_000 * 10**8,
    quantity=10**6,
    executed=0,
    cumulative_quote=0,
    quote_quantity=0,
    prevented=0,
    last_price=0,
    last_quantity=0,
    last_quote=0,
    commission=0,
    commission_asset=0,
    trade=0,
    prevented_match=0,
    last_prevented=0,
    counter_order=0,
    execution_id=70,
    created_us=1_700_000_000_000_000,
    working_us=1_700_000_000_000_000,
    strategy_id=0,
    strategy_type=0,
    held=0,
    client_id="mine",
    request_id="",
)
LIST = e.ListUpdated(0, 0, 1_000, 1, 5, 1, 1, "list-5", "", (e.Leg(7, "up"), e.Leg(8, "down")))


def order(**changes: Any) -> e.OrderUpdated:
    """Return an order image that differs from a plain resting one by what is given."""
    return msgspec.structs.replace(ORDER, **changes)


def order_list(**changes: Any) -> e.ListUpdated:
    """Return a list's event that differs from a begun OCO by what is given."""
    return msgspec.structs.replace(LIST, **changes)


def rejected(command: int, reason: int) -> e.CommandRejected:
    """Return a reject."""
    return e.CommandRejected(0, 0, command, reason, 1_000, 1, "")


def encode(told: Iterable[e.Event], sequence: int = 1) -> bytes:
    """Return the frames of one command's events."""
    frames = b""
    for index, event in enumerate(told):
        version, body = _body(event)
        frames += EVENT_HEADER.pack(EVENT_HEADER.size + len(body), event.kind, version, index, sequence) + body
    return frames


def _body(event: e.Event) -> tuple[int, bytes]:
    match event:
        case e.OrderUpdated():
            return 2, _image(event)
        case e.ListUpdated():
            head = pack("<QIQBB", event.account, event.instrument, event.order_list, event.form, event.status)
            legs = b"".join(pack("<Q", leg.order) + text(leg.client_id) for leg in event.legs)
            return 1, head + text(event.list_client_id) + text(event.request_id) + bytes((len(event.legs),)) + legs
        case e.CommandRejected():
            return 1, event.layout.pack(event.command, event.reason, event.account, event.instrument) + text("")
    raise AssertionError(f"{event} is not made here")


def _image(o: e.OrderUpdated) -> bytes:
    names = ("side", "type", "time_in_force", "stp", "status", "execution", "expiry", "flags")
    return (
        pack("<QIQ8B", o.account, o.instrument, o.order, *(getattr(o, name) for name in names))
        + pack("<qqq", o.price, o.quantity, o.executed)
        + i128(o.cumulative_quote)
        + i128(o.quote_quantity)
        + pack("<qqq", o.prevented, o.last_price, o.last_quantity)
        + i128(o.last_quote)
        + i128(o.commission)
        + pack(
            "<IQQqQQ", o.commission_asset, o.trade, o.prevented_match, o.last_prevented, o.counter_order, o.execution_id
        )
        + pack("<qqqi", o.created_us, o.working_us, o.strategy_id, o.strategy_type)
        + i128(o.held)
        + text(o.client_id)
        + text(o.request_id)
        + pack("<qIqqBB", o.stop_price, o.trailing_delta, o.trailing_us, o.iceberg, o.peg_type, o.peg_offset)
        + pack("<qQqI", o.sent_price, o.order_list, o.expires_us, o.amends)
        + text(o.original_client_id)
    )


class ToldEngine:
    """Answers every command with the same events."""

    def __init__(self, told: Iterable[e.Event]) -> None:
        self.events = encode(told)
        self.sequence = 0
        self.time_us = 0

    def apply(self, first_sequence: int, time_us: int, frames: bytes) -> tuple[bytes, bytes]:
        self.sequence, self.time_us = first_sequence, time_us
        return self.events, len(self.events).to_bytes(4, "little")
