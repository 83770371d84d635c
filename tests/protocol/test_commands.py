"""Commands keep their meaning through bytes."""

from struct import pack

import pytest

from openbourse.protocol import commands as c
from openbourse.protocol.codec import LayoutError
from openbourse.protocol.instruments import Feature, Instrument, InstrumentRules

BTCUSDT = Instrument(
    instrument=1,
    symbol="BTCUSDT",
    base=1,
    quote=2,
    price_min=1_000_000,
    price_max=10**14,
    tick=1_000_000,
    quantity_min=1_000,
    quantity_max=9 * 10**11,
    step=1_000,
    notional_min=5 * 10**8,
)
ORDER = c.PlaceOrder(account=7, instrument=1, side=1, type=1, time_in_force=1, price=5, quantity=6, client_id="a-1")
STOP = c.PlaceOrder(
    account=7, instrument=1, side=2, type=5, time_in_force=1, price=5, quantity=6, client_id="a-2", stop_price=4
)
FULL = c.PlaceOrder(
    account=7,
    instrument=1,
    side=1,
    type=7,
    time_in_force=1,
    price=5,
    quantity=60,
    client_id="a-3",
    stop_price=9,
    trailing_delta=100,
    iceberg=6,
    peg_type=2,
    peg_offset=3,
    expires_us=77,
)
RULES = InstrumentRules(
    instrument=1,
    features=Feature.ICEBERG | Feature.NO_QUOTE_MARKET,
    algo_orders_max=5,
    iceberg_orders_max=10,
    iceberg_parts_max=100,
    lists_max=20,
    amends_max=11,
    position_max=2**95,
    trailing_above_min=12,
    trailing_above_max=2_000,
    trailing_below_min=13,
    trailing_below_max=2_001,
    percent_up=21,
    percent_down=22,
    range_bid_up=23,
    range_bid_down=24,
    range_ask_up=25,
    range_ask_down=26,
)
EVERY_KIND: list[c.Command] = [
    c.CreateAsset(1, "BTC"),
    c.ListInstrument(BTCUSDT),
    c.ChangeInstrument(BTCUSDT),
    c.SetInstrumentStatus(1, 2),
    c.OpenAccount(7),
    c.SetPermissions(7, 3),
    c.SetFee(7, 0, -1, -1),
    c.CreditDeposit(7, 1, 2**95, bytes(range(32))),
    c.HoldWithdrawal(7, 1, 5, 9),
    c.SettleWithdrawal(9),
    c.ReleaseWithdrawal(9),
    ORDER,
    c.CancelOrder(7, 1, 3, 1, "a-1", "b-1"),
    c.CancelAll(7, 1, "b-2"),
    c.CancelReplace(mode=1, cancel_order=3, cancel_client_id="x", cancel_request_id="y", new=ORDER),
    c.AdvanceTime(),
    c.SetRules(1),
    STOP,
    FULL,
    c.CancelReplace(mode=2, cancel_order=3, new=FULL),
    c.AmendOrder(account=7, instrument=1, order=3, new_quantity=5, client_id="a-1", new_client_id="a-9"),
    c.PlaceOrderList(c.ListForm.OCO, "l-1", (ORDER, STOP)),
    c.PlaceOrderList(c.ListForm.OTOCO, "l-2", (ORDER, STOP, FULL)),
    c.CancelOrderList(7, 1, 2, "l-1", "b-3"),
    c.SetInstrumentRules(RULES),
    c.SetKillSwitch(7, 1),
    c.SetHeartbeat(7, 0, 5_000_000),
    c.DefineTier(3, 90_000, 100_000),
    c.AssignTier(7, 3),
    c.SetDiscount(4, 75_000_000),
    c.SetDiscountPrice(2, 600 * 10**8),
    c.UseDiscount(7, 1),
    c.SetVenueRules(1_000, 50, 60, 70),
    c.SetAssetLimit(1, 2**95),
]


@pytest.mark.parametrize("command", EVERY_KIND, ids=lambda command: type(command).__name__)
def test_a_command_survives_its_frame(command: c.Command) -> None:
    identity = c.Identity(1, 2, 1, 99)
    assert c.decode(command.encode(identity)) == (command, identity)


@pytest.mark.parametrize("command", EVERY_KIND, ids=lambda command: type(command).__name__)
def test_a_cut_frame_is_refused(command: c.Command) -> None:
    frame = command.encode()
    for end in range(len(frame)):
        with pytest.raises(LayoutError):
            c.decode(frame[:end])


def test_every_kind_is_covered() -> None:
    assert {command.kind for command in EVERY_KIND} == set(c.CommandKind)


def test_an_order_without_extension_is_sent_as_rules_1_know_it() -> None:
    assert ORDER.encode()[6:8] == b"\x01\x00"
    replace = c.CancelReplace(mode=1, cancel_order=3, new=ORDER)
    assert replace.encode()[6:8] == b"\x01\x00"
    assert FULL.encode()[6:8] == STOP.encode()[6:8] == b"\x02\x00"


def test_an_extension_lies_behind_the_order_request_in_the_order_of_its_bits() -> None:
    assert FULL.body() == (FULL.request() + b"\x1f" + pack("<qIqBBq", 9, 100, 6, 2, 3, 77))
    assert STOP.body() == STOP.request() + b"\x01" + pack("<q", 4)


def test_a_version_2_frame_with_an_empty_extension_is_the_same_order() -> None:
    assert c.decode(c.frame(c.CommandKind.PLACE_ORDER, ORDER.request_extended(), version=2))[0] == ORDER


def test_bits_without_meaning_and_unknown_versions_are_refused() -> None:
    request = ORDER.request() + b"\x20"
    with pytest.raises(LayoutError):
        c.decode(c.frame(c.CommandKind.PLACE_ORDER, request, version=2))
    with pytest.raises(LayoutError):
        c.decode(c.frame(c.CommandKind.CANCEL_ALL, c.CancelAll(7).body(), version=2))
    with pytest.raises(LayoutError):
        c.decode(c.frame(31, b""))


def test_a_batch_splits_into_its_frames() -> None:
    frames = [command.encode() for command in EVERY_KIND]
    assert list(c.split(b"".join(frames))) == frames
    assert list(c.split(frames[0] + b"\x01\x02")) == [frames[0], b"\x01\x02"]
