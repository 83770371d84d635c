"""Text that becomes machine code names a constant once: what it says stays the same."""

from sim.unfolded import bound_enums, enums_of, unfolded

SOURCE = '''"""Sides."""

from enum import IntEnum

from openbourse.protocol.events import EventKind, OrderStatus
from openbourse.protocol.instruments import STP_OF_INSTRUMENT, Side


class Way(IntEnum):
    """A way."""

    IN = 7
    OUT = Side.SELL


def told(side: int, way: Way = Way.IN) -> tuple[object, ...]:
    """Return what is asked about."""
    return side == Side.BUY, way is Way.IN, Way(2) is Way.OUT, OrderStatus.NEW, Way.IN.name, STP_OF_INSTRUMENT
'''


def run(text: str) -> dict[str, object]:
    names: dict[str, object] = {"__name__": "told"}
    exec(text, names)
    return names


def test_members_are_looked_up_once_and_the_rest_stays() -> None:
    text = unfolded(SOURCE)
    body = text[text.index("def told") :]
    assert body.count("Way.") == body.count("Side.") == body.count("OrderStatus.") == 0
    assert "Way_IN: Final = Way.IN" in text
    plain, other = run(SOURCE), run(text)
    assert plain["told"](1) == other["told"](1)  # type: ignore[operator]
    assert other["__doc__"] == "Sides."
    assert other["told"](2)[:3] == (False, True, True)  # type: ignore[operator]


def test_enums_are_found_through_the_modules_that_hand_them_on() -> None:
    assert "OrderStatus" in enums_of("openbourse.protocol.events")
    assert enums_of("sim.reference_state") >= {"Place", "Side"}
    assert enums_of("json") == set()
    import ast

    assert bound_enums(ast.parse("from openbourse.protocol.instruments import Side as Half").body[0]) == {"Half"}
