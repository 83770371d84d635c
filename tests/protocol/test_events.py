"""Events are read as docs/engine.md lays them out."""

from struct import pack

import pytest

from openbourse.protocol import events as e
from openbourse.protocol.codec import EVENT_HEADER, LayoutError


def frame(kind: int, body: bytes, index: int = 0, sequence: int = 9) -> bytes:
    return EVENT_HEADER.pack(EVENT_HEADER.size + len(body), kind, 1, index, sequence) + body


def wide(value: int) -> bytes:
    return value.to_bytes(16, "little", signed=True)


def test_a_level_and_a_balance_are_read_field_by_field() -> None:
    level = pack("<IQBq", 3, 77, 2, 10**12) + wide(2**70)
    balance = pack("<QI", 5, 2) + wide(2**95) + wide(7) + wide(-(2**90)) + wide(-1)
    assert list(e.decode(frame(16, level) + frame(17, balance, index=1))) == [
        e.LevelChanged(9, 0, 3, 77, 2, 10**12, 2**70),
        e.BalanceChanged(9, 1, 5, 2, 2**95, 7, -(2**90), -1),
    ]


def test_an_order_image_is_read_field_by_field() -> None:
    body = (
        pack("<QIQ8Bqqq", 1, 2, 3, 1, 1, 1, 0, 2, 3, 0, 3, 10, 11, 12)
        + wide(13)
        + wide(14)
        + pack("<qqq", 15, 16, 17)
        + wide(18)
        + wide(19)
        + pack("<IQQqQQqqqi", 20, 21, 22, 23, 24, 25, 26, 27, 28, 29)
        + wide(30)
        + b"\x02ab\x00"
    )
    (image,) = e.decode(frame(12, body))
    assert isinstance(image, e.OrderUpdated)
    assert (image.account, image.order, image.status, image.flags) == (1, 3, 2, 3)
    assert [image.price, image.quantity, image.executed, image.cumulative_quote, image.quote_quantity] == [
        10,
        11,
        12,
        13,
        14,
    ]
    assert [image.prevented, image.last_price, image.last_quantity, image.last_quote, image.commission] == [
        15,
        16,
        17,
        18,
        19,
    ]
    assert [image.commission_asset, image.trade, image.prevented_match, image.last_prevented] == [20, 21, 22, 23]
    assert [image.counter_order, image.execution_id, image.created_us, image.working_us] == [24, 25, 26, 27]
    assert [image.strategy_id, image.strategy_type, image.held, image.client_id, image.request_id] == [
        28,
        29,
        30,
        "ab",
        "",
    ]


def test_only_the_kinds_asked_for_are_unpacked() -> None:
    data = frame(18, b"") + frame(19, pack("<I", 1), index=1)
    assert list(e.decode(data, {19})) == [e.RulesSet(9, 1, 1)]


def test_a_cut_frame_is_refused() -> None:
    data = frame(19, pack("<I", 1))
    for end in range(1, len(data)):
        with pytest.raises(LayoutError):
            list(e.decode(data[:end]))
