"""The comparison finds an engine that follows the rules almost, and only such a one."""

import pytest

from sim.differential import run_seed
from sim.reference import Engine
from sim.reference_list_orders import ListOrders
from sim.reference_state import Instrument, Order, State
from sim.reference_turns import Execute
from sim.reference_walks import Walk


class Favouring(Execute):
    """Pays makers the taker's rate."""

    def rate(self, account: int, *, is_maker: bool) -> int:
        """Return the wrong column."""
        return super().rate(account, is_maker=False)


class Impatient(Instrument):
    """Lets a new order rest before those of its level."""

    def rest(self, order: Order) -> None:
        """Put an order at the wrong end."""
        super().rest(order)
        level = self.levels[order.side][order.price]
        level.insert(0, level.pop())


def run_against(other: type[Engine]) -> str:
    """Return what the comparison of the reference with another engine tells."""
    _, difference = run_seed(1, 1_500, (Engine, other))
    return "" if difference is None else str(difference)


def test_equal_engines_show_no_difference() -> None:
    assert run_against(Engine) == ""


class Renaming(ListOrders):
    """Answers a cancel with another request id."""

    def end_canceled(self, instrument: Instrument, order: Order, request_id: bytes) -> None:
        """Cancel, but say so wrongly."""
        super().end_canceled(instrument, order, request_id + b"!")


def owners_alone(_state: State, one: int, other: int) -> bool:
    """Forget trade groups."""
    return one == other


def within_but_not_at(value: int, low: int, high: int) -> bool:
    """Leave the upper bound out."""
    return low <= value and (high == 0 or value < high)


def find_nothing(*_: object) -> Walk:
    """See no liquidity at all."""
    return Walk(0, 0, ran_dry=False)


@pytest.mark.parametrize(
    ("where", "wrong"),
    [
        ("sim.reference_orders.Execute", Favouring),
        ("sim.reference.Instrument", Impatient),
        ("sim.reference.ListOrders", Renaming),
        ("sim.reference_walks.are_self", owners_alone),
        ("sim.reference_checks.within", within_but_not_at),
        ("sim.reference.SESSION_FORGOTTEN_US", 1),
        ("sim.reference_state.MINUTE_US", 30_000_000),
        ("sim.reference_checks.walk_by_quote", find_nothing),
    ],
    ids=["rate", "priority", "request id", "group", "bound", "session", "window", "by quote"],
)
def test_an_engine_with_one_wrong_rule_is_found_out(where: str, wrong: object) -> None:
    class Wrong(Engine):
        """The reference with one part exchanged while it works."""

        def apply(self, first_sequence: int, time_us: int, frames: bytes) -> tuple[bytes, bytes]:
            """Apply a batch with the wrong part in place."""
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(where, wrong)
                return super().apply(first_sequence, time_us, frames)

    assert "seed 1, batch" in run_against(Wrong)
