"""Overload: what stands is let in less, what flows more; new orders are shed as they come, cancels never by measure."""

import asyncio
import json
import math
import time

import pytest
from websockets.asyncio.client import ClientConnection

from openbourse.edge import admission, overload
from openbourse.edge.operations import Priority
from openbourse.edge.overload import CUT, STOOD_LEAST, Window, watch
from openbourse.edge.server import SHED
from tests.edge.test_server import PING, Streams, dial
from tests.served import HMAC_KEY, Venue, ask, signed_params, signed_query

ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001"}
ORDER |= {"price": "60000.00", "newClientOrderId": "mine"}


def window(floor: int = 8) -> Window:
    return Window(1_000, floor, target_s=0.04, lag_target_s=0.015)


def pass_through(tested: Window, calls: int, seconds: float, lag_s: float = 0.0) -> None:
    """One interval in which calls were under way at once and took so long."""
    for _ in range(calls):
        tested.enter()
    for _ in range(calls):
        tested.leave()
        tested.note(seconds)
    tested.turn(lag_s)


def shut(venue: Venue, *kinds: Priority) -> None:
    for kind in kinds or (Priority.NEW_ORDER,):
        venue.app.admission.windows[kind].size = 0


def test_what_stands_is_let_in_less_and_what_flows_more() -> None:
    tested = window()
    for _ in range(STOOD_LEAST):
        assert tested.size == 1_000
        pass_through(tested, 200, 0.1)
    assert tested.size == int(200 * CUT)
    for _ in range(30):
        pass_through(tested, 200, 0.1)
    assert tested.size == 8
    pass_through(tested, 8, 0.005)
    assert tested.size > 8
    for _ in range(60):
        pass_through(tested, 8, 0.005)
    assert tested.size == 1_000


def test_a_stall_and_a_leader_that_says_nothing_are_no_overload() -> None:
    tested = window()
    for _ in range(STOOD_LEAST - 1):
        pass_through(tested, 500, 0.3)
    pass_through(tested, 5, 0.001)
    for _ in range(50):
        tested.turn(0.0)
    assert tested.size == 1_000


def test_one_quick_answer_says_that_nothing_stands() -> None:
    tested = window()
    for _ in range(10):
        tested.note(0.001)
        pass_through(tested, 500, 0.3)
    assert tested.size == 1_000


def test_a_process_that_is_late_lets_in_less() -> None:
    tested = window()
    for _ in range(STOOD_LEAST):
        pass_through(tested, 100, 0.001, lag_s=0.02)
    assert tested.size == int(100 * CUT)


async def test_lateness_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overload, "INTERVAL_S", 0.02)
    late, unmoved = Window(1_000, 8, math.inf, 0.015), Window(1_000, 8, math.inf, math.inf)
    watching = asyncio.create_task(watch((late, unmoved)))
    for _ in range(12):
        time.sleep(0.04)  # noqa: ASYNC251 - a loop that is held up is what is tested
        await asyncio.sleep(0)
    watching.cancel()
    assert (late.size, unmoved.size) == (8, 1_000)


async def test_a_new_order_is_shed_by_its_first_line_and_the_connection_lives(venue: Venue) -> None:
    shut(venue)
    reader, writer = await dial(venue)
    writer.write(b"POST /api/v3/order?garbage HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nside=")
    await asyncio.sleep(0.05)
    writer.write(b"SELL")
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 3)
    assert head.startswith(SHED)
    assert b"\r\ndate: " in head
    length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
    assert json.loads(await reader.readexactly(length))["code"] == -1008
    assert venue.limiter.used("127.0.0.1") == 0, "what is shed costs nothing"
    writer.write(PING)
    assert (await asyncio.wait_for(reader.readuntil(b"{}"), 3)).startswith(b"HTTP/1.1 200")
    assert venue.app.admission.windows[Priority.NEW_ORDER].refused == 1
    writer.close()


@pytest.mark.parametrize("ask_to_close", [b"HTTP/1.1\r\nConnection: close", b"HTTP/1.0\r\nHost: x"])
async def test_a_client_that_wants_no_more_is_let_go(venue: Venue, ask_to_close: bytes) -> None:
    shut(venue)
    reader, writer = await dial(venue)
    writer.write(b"POST /api/v3/order " + ask_to_close + b"\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 3)
    assert answer.startswith(SHED)
    assert b"\r\nconnection: close\r\n" in answer
    writer.close()


async def test_a_shed_body_that_never_ends_is_not_waited_for(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openbourse.edge.server.REQUEST_S", 0.2)
    shut(venue)
    reader, writer = await dial(venue)
    writer.write(b"POST /api/v3/order HTTP/1.1\r\nContent-Length: 9\r\n\r\nside=")
    assert await asyncio.wait_for(reader.read(), 3) == b""
    assert venue.limits.count == 0
    writer.close()


async def test_answers_keep_the_order_of_requests_behind_each_other(venue: Venue) -> None:
    shut(venue)
    streams: Streams = await dial(venue)
    reader, writer = streams
    writer.write(PING + b"POST /api/v3/order HTTP/1.1\r\nHost: x\r\n\r\n" + PING)
    answers = b""
    while answers.count(b"HTTP/1.1 ") < 3 or not answers.endswith(b"{}"):
        answers += await asyncio.wait_for(reader.read(65_536), 3)
    assert [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]] == [b"200", b"503", b"200"]
    writer.close()


async def test_cancels_come_through_when_nothing_else_does(venue: Venue) -> None:
    assert (await venue.signed("POST", "/api/v3/order", ORDER)).status_code == 200
    shut(venue, Priority.NEW_ORDER, Priority.QUERY)
    for method, path in (("POST", "/api/v3/order"), ("POST", "/api/v3/order/cancelReplace"), ("GET", "/api/v3/ping")):
        assert (await venue.http.request(method, path)).json()["code"] == -1008
    canceled = await venue.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="mine")
    assert canceled.json()["status"] == "CANCELED"
    assert venue.app.admission.windows[Priority.CANCEL].size == admission.IN_FLIGHT_MAX[Priority.CANCEL]


async def test_a_message_is_shed_by_its_method_alone(venue: Venue) -> None:
    async with venue.connect() as connection:
        assert (await ask(connection, "order.place", signed_params(ORDER)))["status"] == 200
        shut(venue, Priority.NEW_ORDER)
        for number in (7, "seven", None):
            reply = await ask(connection, "v3/order.place", {"unsigned": "nonsense"}, number)
            assert (reply["id"], reply["status"], reply["error"]["code"]) == (number, 503, -1008)
            assert "rateLimits" in reply
        assert (await ask(connection, "time"))["status"] == 200
        assert await cancel_of(connection) == "CANCELED"
        # What is no request is refused as such, also now.
        await connection.send("{}")
        assert json.loads(await asyncio.wait_for(connection.recv(), 3))["error"]["code"] == -1102
    assert venue.app.admission.windows[Priority.NEW_ORDER].starting == 0
    assert venue.app.admission.windows[Priority.NEW_ORDER].in_flight == 0


async def cancel_of(connection: ClientConnection) -> str:
    named = signed_params({"symbol": "BTCUSDT", "origClientOrderId": "mine"})
    return str((await ask(connection, "order.cancel", named))["result"]["status"])


async def test_a_socket_that_pours_is_shed_beyond_what_may_start(venue: Venue) -> None:
    venue.app.admission.windows[Priority.NEW_ORDER].size = 5
    venue.intake.delay_s = 0.2
    async with venue.connect() as connection:
        for number in range(20):
            params = signed_params({**ORDER, "newClientOrderId": f"n{number}"})
            await connection.send(json.dumps({"id": number, "method": "order.place", "params": params}))
        replies = [json.loads(await asyncio.wait_for(connection.recv(), 5)) for _ in range(20)]
    assert sorted(reply["id"] for reply in replies) == list(range(20))
    assert [reply["status"] for reply in replies].count(200) == 5
    assert venue.app.admission.in_flight == 0


async def test_how_long_orders_take_is_noted_whatever_the_engine_says(venue: Venue) -> None:
    noted: list[float] = []
    tested = venue.app.admission.windows[Priority.NEW_ORDER]
    for change, code in (({}, None), ({"price": "60000.001"}, -1013), ({"side": "NONE"}, -1117)):
        tested.turn(0.0)
        answer = await venue.http.post(
            f"/api/v3/order?{signed_query({**ORDER, **change})}",
            headers={"X-MBX-APIKEY": HMAC_KEY},
        )
        assert answer.json().get("code") == code
        noted.append(tested._best_s)
    assert noted[0] < 1
    assert noted[1] < 1
    assert noted[2] == math.inf
