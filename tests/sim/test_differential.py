"""The comparison finds an engine that follows the rules almost, and only such a one."""

import pytest

from openbourse.protocol.instruments import Side
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


def run_against(other: type[Engine], rules: int, commands: int = 1_500) -> str:
    """Return what the comparison of the reference with another engine tells."""
    _, difference = run_seed(1, commands, (Engine, other), rules=rules)
    return "" if difference is None else str(difference)


@pytest.mark.parametrize("rules", [1, 2])
def test_equal_engines_show_no_difference(rules: int) -> None:
    assert run_against(Engine, rules) == ""


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
    assert "seed 1, batch" in run_against(mistaken(where, wrong), rules=1)


def has_trailed_at_once(order: Order, price: int) -> bool:
    """Fire at the first step back."""
    return price < order.extreme if order.side == Side.SELL else price > order.extreme


def fires_beyond(order: Order, price: int) -> bool:
    """Leave the stop price itself out."""
    return price > order.stop_price if order.is_rising else price < order.stop_price


def stop_before_price(_instrument: Instrument, order: Order) -> int:
    """Reckon a waiting hold with the stop price."""
    return 0 if order.side == Side.SELL else order.stop_price or order.price or 1


def middle_of_the_book(instrument: Instrument, _time_us: int) -> tuple[int, int, int]:
    """Indicate the best bid."""
    price = instrument.best(Side.BUY) or 0
    return price, 0, 0


def do_nothing(*_: object, **__: object) -> None:
    """Leave a step out."""


@pytest.mark.parametrize(
    ("where", "wrong"),
    [
        ("sim.reference_turns.has_trailed", has_trailed_at_once),
        ("sim.reference_turns.fires", fires_beyond),
        ("sim.reference_checks.basis_of", stop_before_price),
        ("sim.reference_auction.indication", middle_of_the_book),
        ("sim.reference_matching.Matching.discounted", do_nothing),
        ("sim.reference_matching.Matching.use_up", do_nothing),
        ("sim.reference_life.Life.end_partner", do_nothing),
        ("sim.reference_life.Life.follow_end", do_nothing),
        ("sim.reference_life.Life.payee", do_nothing),
        ("sim.reference_checks.check_trailing", do_nothing),
        ("sim.reference_walks.Reach.excludes", do_nothing),
        ("sim.reference_matching.is_transfer", do_nothing),
    ],
    ids=lambda value: value.rpartition(".")[2] if isinstance(value, str) else "",
)
def test_an_engine_with_one_wrong_rule_of_rules_2_is_found_out(where: str, wrong: object) -> None:
    assert "seed 1, batch" in run_against(mistaken(where, wrong), rules=2, commands=8_000)


def mistaken(where: str, wrong: object) -> type[Engine]:
    """Return the reference with one part exchanged while it works."""

    class Wrong(Engine):
        """An engine that follows the rules almost."""

        def apply(self, first_sequence: int, time_us: int, frames: bytes) -> tuple[bytes, bytes]:
            """Apply a batch with the wrong part in place."""
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(where, wrong)
                return super().apply(first_sequence, time_us, frames)

    return Wrong
