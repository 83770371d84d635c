"""User data: one's own orders and balances, nobody else's."""

import json
from typing import Any, cast

from openbourse.edge.operations import TimeUnit
from openbourse.edge.sockets import Socket
from openbourse.protocol.commands import CancelAll, CreditDeposit
from openbourse.protocol.instruments import Side
from openbourse.streams.users import UserHub
from tests.streams.test_hub import BTCUSDT, Venue


class Timed:
    """What the hub asks of a socket."""

    time_unit = TimeUnit.MILLISECOND


def follow(venue: Venue, account: int) -> tuple[UserHub, object, list[Any]]:
    users, heard = UserHub(venue.listing), list[Any]()
    handle = users.subscribe(cast(Socket, Timed()), account, lambda event: heard.append(json.loads(event)))
    perform = venue.perform

    def performed(command: Any) -> Any:
        seen = perform(command)
        users.take(seen, venue.now_us)
        return seen

    venue.perform = performed  # type: ignore[method-assign]
    return users, handle, heard


def test_a_fill_is_told_to_both_sides_each_with_its_own_part() -> None:
    venue = Venue()
    _, _, maker = follow(venue, 1_000)
    _, _, taker = follow(venue, 1_001)
    venue.order(Side.SELL, 50_000)
    venue.order(Side.BUY, 50_000, account=1_001)
    assert [(event["e"], event.get("x")) for event in maker] == [
        ("executionReport", "NEW"),
        ("outboundAccountPosition", None),
        ("executionReport", "TRADE"),
        ("outboundAccountPosition", None),
    ]
    assert [(event["e"], event.get("x")) for event in taker] == [
        ("executionReport", "NEW"),
        ("executionReport", "TRADE"),
        ("outboundAccountPosition", None),
    ]
    assert (maker[2]["m"], maker[2]["N"], taker[1]["m"], taker[1]["N"]) == (True, "USDT", False, "BTC")
    assert {row["a"] for row in taker[-1]["B"]} == {"BTC", "USDT"}


def test_a_cancel_names_the_order_by_its_original_id() -> None:
    venue = Venue()
    _, _, heard = follow(venue, 1_000)
    venue.order(Side.SELL, 50_000)
    venue.perform(CancelAll(1_000, BTCUSDT, "my-cancel"))
    [report] = [event for event in heard if event.get("x") == "CANCELED"]
    assert (report["c"], report["C"], report["X"]) == ("my-cancel", "o1", "CANCELED")


def test_a_deposit_is_told_and_who_left_hears_nothing() -> None:
    venue = Venue()
    users, handle, heard = follow(venue, 1_000)
    venue.perform(CreditDeposit(1_000, 2, 5, bytes(32)))
    assert [event["e"] for event in heard] == ["balanceUpdate", "outboundAccountPosition"]
    users.unsubscribe(handle)
    users.unsubscribe(handle)
    venue.perform(CreditDeposit(1_000, 2, 5, bytes([1] * 32)))
    assert len(heard) == 2
    assert len(users) == 0
