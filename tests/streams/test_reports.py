"""Reports of orders and lists have the letters that clients know."""

import json
from typing import Any, cast

import pytest

from openbourse.edge.listing import Listing
from openbourse.edge.operations import TimeUnit
from openbourse.edge.order_lists import public_id
from openbourse.edge.sockets import Socket
from openbourse.protocol.events import Leg
from openbourse.streams.reports import execution_report, list_status
from openbourse.streams.users import UserHub
from tests.edge.test_listing import TOLD
from tests.made_events import order, order_list

AT_US = 1_800_000_000_000_000
WAITS = {"type": 5, "flags": 0, "working_us": -1, "stop_price": 8_000 * 10**8, "trailing_delta": 100}


@pytest.fixture
def listing() -> Listing:
    listed = Listing()
    listed.apply(TOLD)
    return listed


def report(listing: Listing, **changes: Any) -> dict[str, Any]:
    return execution_report(order(**changes), listing, AT_US, 1_000)


def test_a_plain_order_shows_none_of_the_letters_for_others(listing: Listing) -> None:
    shown = report(listing)
    assert (shown["P"], shown["F"], shown["g"], shown["C"], shown["w"]) == ("0.00000000", "0.00000000", -1, "", True)
    assert not shown.keys() & {"d", "D", "gP", "gOT", "gOV", "gp", "eR", "v", "pl", "gtd", "j"}


def test_a_waiting_order_is_new_and_not_on_the_book(listing: Listing) -> None:
    shown = report(listing, order_list=5, iceberg=10**5, **WAITS)
    assert (shown["x"], shown["X"], shown["w"], shown["P"]) == ("NEW", "NEW", False, "8000.00000000")
    assert (shown["d"], shown["D"], shown["F"], shown["g"]) == (100, -1, "0.00100000", public_id(5, 1))
    assert "W" not in shown


def test_a_triggered_order_is_new_again_and_works(listing: Listing) -> None:
    triggered = {**WAITS, "execution": 6, "working_us": AT_US, "trailing_us": AT_US - 1_000_000}
    shown = report(listing, **triggered)
    assert (shown["x"], shown["X"], shown["w"], shown["W"]) == ("NEW", "NEW", True, AT_US // 1_000)
    assert shown["D"] == AT_US // 1_000 - 1_000


@pytest.mark.parametrize(
    ("changes", "is_on_book"),
    [({}, True), ({"status": 3}, False), ({"time_in_force": 2}, False), ({"type": 2}, False), ({"type": 4}, False)],
)
def test_what_a_trade_leaves_of_a_taker_is_on_the_book_if_it_stays(
    listing: Listing, changes: dict[str, int], *, is_on_book: bool
) -> None:
    shown = report(listing, **{"execution": 3, "status": 2, "flags": 0, "commission_asset": 1, **changes})
    assert shown["w"] is is_on_book


def test_a_pending_order_says_so(listing: Listing) -> None:
    shown = report(listing, status=7, flags=0, working_us=-1)
    assert (shown["x"], shown["X"], shown["w"]) == ("NEW", "PENDING_NEW", False)


def test_an_amended_order_shows_both_names(listing: Listing) -> None:
    shown = report(listing, execution=7, client_id="new", original_client_id="old")
    assert (shown["x"], shown["c"], shown["C"]) == ("REPLACED", "new", "old")


@pytest.mark.parametrize(("request_id", "shown_id"), [("bye", "bye"), ("", "mine")])
def test_a_cancel_names_itself_and_the_order(listing: Listing, request_id: str, shown_id: str) -> None:
    shown = report(listing, execution=2, status=4, flags=0, request_id=request_id)
    assert (shown["c"], shown["C"]) == (shown_id, "mine")


def test_a_pegged_order_shows_its_peg_and_the_price_once_known(listing: Listing) -> None:
    peg = {"peg_type": 2, "peg_offset": 3, "sent_price": 0}
    waiting = report(listing, price=0, flags=0, working_us=-1, **peg)
    assert (waiting["gP"], waiting["gOT"], waiting["gOV"], "gp" in waiting) == ("MARKET_PEG", "PRICE_LEVEL", 3, False)
    working = report(listing, **peg)
    assert (working["p"], working["gp"]) == ("0.00000000", "9000.00000000")


def test_a_prevented_match_shows_its_price_apart(listing: Listing) -> None:
    shown = report(
        listing, execution=5, prevented=10**6, last_prevented=10**6, prevented_match=3, last_price=9_000 * 10**8
    )
    assert (shown["l"], shown["L"], shown["Y"]) == ("0.00000000", "0.00000000", "0.00000000")
    assert (shown["pl"], shown["pL"], shown["pY"]) == ("0.01000000", "9000.00000000", "90.00000000")


@pytest.mark.parametrize(
    ("expiry", "reason"),
    [
        (4, "REJECTED"),
        (5, "EXCHANGE_CANCELED"),
        (6, "OCO_TRIGGER"),
        (7, "OTO_PHASE_ONE_EXPIRED"),
        (8, "EXECUTION_RULE_PRICE_RANGE_EXCEEDED"),
        (9, "GOOD_TILL_DATE_REACHED"),
    ],
)
def test_an_expiry_has_its_reason(listing: Listing, expiry: int, reason: str) -> None:
    assert report(listing, execution=4, status=5, flags=0, expiry=expiry)["eR"] == reason


def test_a_good_till_order_says_until_when(listing: Listing) -> None:
    shown = report(listing, expires_us=AT_US)
    assert (shown["f"], shown["gtd"]) == ("GTD", AT_US // 1_000)


def test_a_list_has_its_own_report(listing: Listing) -> None:
    assert list_status(order_list(form=3, legs=(Leg(7, "a"), Leg(8, "b"), Leg(9, "c"))), listing, AT_US, 1_000) == {
        "e": "listStatus",
        "E": AT_US // 1_000,
        "s": "BTCUSDT",
        "g": public_id(5, 1),
        "c": "OTO",
        "l": "EXEC_STARTED",
        "L": "EXECUTING",
        "r": "NONE",
        "C": "list-5",
        "T": AT_US // 1_000,
        "O": [{"s": "BTCUSDT", "i": number, "c": name} for number, name in ((7, "a"), (8, "b"), (9, "c"))],
    }


class Timed:
    """What the hub asks of a socket."""

    time_unit = TimeUnit.MILLISECOND


def test_lists_are_told_to_their_owner_in_order(listing: Listing) -> None:
    users, heard = UserHub(listing), list[Any]()
    users.subscribe(cast(Socket, Timed()), 1_000, lambda event: heard.append(json.loads(event)))
    users.take([order_list(), order(order_list=5), order_list(account=1_001), order_list(status=3)], AT_US)
    assert [(event["e"], event.get("l")) for event in heard] == [
        ("listStatus", "EXEC_STARTED"),
        ("executionReport", "0.00000000"),
        ("listStatus", "ALL_DONE"),
    ]
