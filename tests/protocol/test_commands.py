"""Commands keep their meaning through bytes."""

import pytest

from openbourse.protocol import commands as c
from openbourse.protocol.codec import LayoutError
from openbourse.protocol.instruments import Instrument

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


def test_a_batch_splits_into_its_frames() -> None:
    frames = [command.encode() for command in EVERY_KIND]
    assert list(c.split(b"".join(frames))) == frames
    assert list(c.split(frames[0] + b"\x01\x02")) == [frames[0], b"\x01\x02"]
