"""Orders are counted against their account, however they are sent."""

import pytest

from openbourse.protocol import commands
from openbourse.sequencer.limits import OrderLimits, new_orders

ORDER = commands.PlaceOrder(
    account=1_000, instrument=1, side=1, type=1, time_in_force=1, price=1, quantity=1, client_id="a"
)
STOP = commands.PlaceOrder(
    account=1_000, instrument=1, side=1, type=4, time_in_force=1, quantity=1, client_id="b", stop_price=5
)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (ORDER, (1_000, 1)),
        (STOP, (1_000, 1)),
        (commands.CancelReplace(mode=1, cancel_client_id="x", cancel_request_id="yy", new=STOP), (1_000, 1)),
        (commands.PlaceOrderList(commands.ListForm.OCO, "list", (ORDER, STOP)), (1_000, 2)),
        (commands.PlaceOrderList(commands.ListForm.OTOCO, "list", (ORDER, STOP, STOP)), (1_000, 3)),
        (commands.AmendOrder(account=1_000, instrument=1, order=7, new_quantity=5, new_client_id="c"), (0, 0)),
        (commands.CancelOrderList(1_000, 1, 5), (0, 0)),
        (commands.CancelAll(1_000), (0, 0)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_list_counts_each_of_its_orders(command: commands.Command, expected: tuple[int, int]) -> None:
    assert new_orders(command.kind, command.encode()) == expected


@pytest.mark.parametrize("kind", [12, 15, 19])
def test_a_body_that_says_too_little_counts_for_nobody(kind: int) -> None:
    whole = commands.PlaceOrderList(commands.ListForm.OCO, "list", (ORDER, STOP)).encode()
    for end in range(40, 60):
        assert new_orders(kind, whole[:end])[1] <= 3


def test_a_test_order_counts_for_nobody() -> None:
    tested = commands.PlaceOrder(
        account=1_000, instrument=1, side=1, type=1, time_in_force=1, client_id="a", flags=commands.RequestFlag.TEST
    )
    assert new_orders(tested.kind, tested.encode()) == (0, 0)


def test_a_window_is_used_up_by_lists_too() -> None:
    limits = OrderLimits(4, 100)
    assert limits.admit(1_000, 3) is None
    assert limits.admit(1_000, 3) is None
    assert limits.counts(1_000) == (6, 6)
    assert limits.admit(1_000) == "10 SECOND"
