"""Events are read as docs/engine.md lays them out."""

from struct import pack

import pytest

from openbourse.protocol import events as e
from openbourse.protocol.codec import EVENT_HEADER, LayoutError
from tests.protocol.test_commands import RULES


def frame(kind: int, body: bytes, index: int = 0, sequence: int = 9, version: int = 1) -> bytes:
    return EVENT_HEADER.pack(EVENT_HEADER.size + len(body), kind, version, index, sequence) + body


def wide(value: int) -> bytes:
    return value.to_bytes(16, "little", signed=True)


def test_a_level_and_a_balance_are_read_field_by_field() -> None:
    level = pack("<IQBq", 3, 77, 2, 10**12) + wide(2**70)
    balance = pack("<QI", 5, 2) + wide(2**95) + wide(7) + wide(-(2**90)) + wide(-1)
    assert list(e.decode(frame(16, level) + frame(17, balance, index=1))) == [
        e.LevelChanged(9, 0, 3, 77, 2, 10**12, 2**70),
        e.BalanceChanged(9, 1, 5, 2, 2**95, 7, -(2**90), -1),
    ]


IMAGE = (
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


def test_an_order_image_is_read_field_by_field() -> None:
    (image,) = e.decode(frame(12, IMAGE))
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


EXTENDED = IMAGE + pack("<qIqqBBqQqI", 31, 32, 33, 34, 2, 35, 36, 37, 38, 39) + b"\x03old"
LIST = pack("<QIQBB", 7, 1, 5, 3, 1) + b"\x02l1\x01r\x02" + pack("<Q", 8) + b"\x01a" + pack("<Q", 9) + b"\x01b"
RULES_IMAGE = (
    pack("<IH5I", 1, 1025, 5, 10, 100, 20, 11) + wide(2**95) + pack("<4I6q", 12, 2_000, 13, 2_001, *range(21, 27))
)
RULES_EVENTS: list[tuple[bytes, e.Event]] = [
    (RULES_IMAGE, e.InstrumentRulesSet(9, 0, RULES)),
    (pack("<QB", 7, 1), e.KillSwitchSet(9, 0, 7, 1)),
    (pack("<QIq", 7, 1, 99), e.HeartbeatSet(9, 0, 7, 1, 99)),
    (pack("<QI", 7, 1), e.HeartbeatMissed(9, 0, 7, 1)),
    (pack("<Iqq", 3, -1, -1), e.TierDefined(9, 0, 3, -1, -1)),
    (pack("<QI", 7, 3), e.TierAssigned(9, 0, 7, 3)),
    (pack("<Iq", 4, 75), e.DiscountSet(9, 0, 4, 75)),
    (pack("<Iq", 2, 600), e.DiscountPriceSet(9, 0, 2, 600)),
    (pack("<QB", 7, 0), e.DiscountUsed(9, 0, 7, 0)),
    (pack("<IIII", 1, 2, 3, 4), e.VenueRulesSet(9, 0, 1, 2, 3, 4)),
    (pack("<I", 1) + wide(2**95), e.AssetLimitSet(9, 0, 1, 2**95)),
    (pack("<Iq", 1, 50) + wide(60) + wide(-70), e.AuctionIndicated(9, 0, 1, 50, 60, -70)),
]
RULES_FRAMES = [frame(kind, body) for kind, (body, _) in enumerate(RULES_EVENTS, 21)]
EXTENDED_FRAMES = [frame(12, IMAGE), frame(12, EXTENDED, version=2), frame(20, LIST), *RULES_FRAMES]


def test_an_extended_order_image_is_read_field_by_field() -> None:
    plain, image = e.decode(frame(12, IMAGE) + frame(12, EXTENDED, version=2))
    assert isinstance(plain, e.OrderUpdated)
    assert isinstance(image, e.OrderUpdated)
    assert (plain.stop_price, plain.trailing_us, plain.order_list, plain.original_client_id) == (0, -1, 0, "")
    assert (image.price, image.held, image.client_id) == (10, 30, "ab")
    assert (image.stop_price, image.trailing_delta, image.trailing_us, image.iceberg) == (31, 32, 33, 34)
    assert (image.peg_type, image.peg_offset, image.sent_price, image.order_list) == (2, 35, 36, 37)
    assert (image.expires_us, image.amends, image.original_client_id) == (38, 39, "old")


def test_a_list_is_read_field_by_field() -> None:
    assert list(e.decode(frame(20, LIST))) == [
        e.ListUpdated(9, 0, 7, 1, 5, 3, 1, "l1", "r", (e.Leg(8, "a"), e.Leg(9, "b")))
    ]


def test_the_events_of_rules_2_are_read_field_by_field() -> None:
    assert list(e.decode(b"".join(RULES_FRAMES))) == [event for _, event in RULES_EVENTS]


def test_an_unknown_kind_or_version_is_refused() -> None:
    for data in (frame(33, b""), frame(18, b"", version=2), frame(12, IMAGE, version=3)):
        with pytest.raises(LayoutError):
            list(e.decode(data))
        assert not list(e.decode(data, {19}))
