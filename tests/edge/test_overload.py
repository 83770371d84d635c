"""Overload: what stands is let in less, what flows more; new orders are shed as they come, cancels never by measure."""

import asyncio
import json
import math
import time
from collections import Counter

import pytest
from websockets.asyncio.client import ClientConnection

from openbourse.edge import admission, overload
from openbourse.edge.operations import Operation, Priority
from openbourse.edge.overload import CUT, FLOOD_TIMES, PROBE_EVERY, PROBE_INTERVALS, STOOD_LEAST, Target, Window, watch
from openbourse.edge.server import SHED, first_line
from tests.edge.test_server import PING, Streams, dial
from tests.served import HMAC_KEY, Venue, ask, signed_params, signed_query

ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001"}
ORDER |= {"price": "60000.00", "newClientOrderId": "mine"}


def window(floor: int = 8) -> Window:
    return Window(1_000, floor, Target(2.0, 0.04, 0.04), lag_target_s=0.015)


def learning() -> Window:
    return Window(1_000, 8, Target(2.0, 0.01, 0.25), 0.015, first=32)


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
    venue.app.admission.room.is_standing = True


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
        pass_through(tested, tested.size, 0.005)
    assert tested.size == 1_000


def test_a_limit_beyond_the_first_is_earned_and_taken_back_when_nobody_needs_it() -> None:
    tested = learning()
    for _ in range(10):
        pass_through(tested, 31, 0.005)
    assert tested.size == 32
    for _ in range(20):
        pass_through(tested, tested.size, 0.005)
    earned = tested.size
    assert earned > 300
    pass_through(tested, earned * 2 // 3, 0.005)
    assert tested.size == earned
    for _ in range(20):
        pass_through(tested, 5, 0.005)
    assert tested.size == 32


@pytest.mark.parametrize("commit_s", [0.008, 0.03])
def test_what_is_quick_is_learnt_where_it_runs(commit_s: float) -> None:
    tested = learning()
    pass_through(tested, 10, commit_s)
    for _ in range(10):
        pass_through(tested, tested.size, commit_s * 1.5)
    assert tested.size > 32, "half as much again is no queue"
    before = tested.size
    for _ in range(STOOD_LEAST):
        pass_through(tested, tested.size, commit_s * 2.5)
    assert tested.size < before


def test_an_overload_that_lasts_does_not_pass_for_usual() -> None:
    """What is quick would creep up with the queue, each time by so much, were it not looked for without one."""
    tested, probed = learning(), 0
    pass_through(tested, 10, 0.008)
    for _ in range(40 * PROBE_EVERY):
        probed += tested.size == 8
        # As a venue that does 2,000 a second: 8 ms, and longer when more are under way than 16.
        pass_through(tested, tested.size, max(0.008, tested.size / 2_000))
    assert tested.target is not None
    assert tested.target.seconds == 0.016
    assert 12 <= tested.size <= 40
    assert 30 * PROBE_INTERVALS <= probed <= 40 * PROBE_INTERVALS


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


def flooded() -> Window:
    return Window(1_000, 16, Target(2.0, 0.04, 0.04), 0.015, first=20, in_flood=4)


def interval(tested: Window, entered: int, refused: int) -> int:
    """One interval in which so many were let in and so many refused; returns the limit after it."""
    tested.refused += refused
    pass_through(tested, entered, 0.001)
    return tested.size


def test_in_a_flood_few_are_under_way_and_after_it_as_many_as_at_first() -> None:
    tested = flooded()
    assert interval(tested, 20, 30) >= 20, "half as many more refused as let in is a crowd"
    assert interval(tested, 30, 300) == 4
    assert interval(tested, 10, 11) == 4, "as long as more are refused than let in"
    assert interval(tested, 10, 10) == 20
    assert not tested.is_flooded


def test_a_few_refused_while_nothing_moves_are_no_flood() -> None:
    tested = flooded()
    crowd = int(FLOOD_TIMES * tested.size)
    assert interval(tested, 0, crowd) == 20
    assert interval(tested, 0, crowd + 1) == 4


def test_who_never_has_fewer_in_a_flood_is_not_asked() -> None:
    tested = window()
    assert interval(tested, 10, 10_000) == 1_000
    assert not tested.is_flooded


async def test_lateness_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overload, "INTERVAL_S", 0.02)
    late, unmoved = Window(1_000, 8, None, 0.015), Window(1_000, 8, None, math.inf)
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


HEAD = b"POST /api/v3/order?a=1 HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize("more", [b"", b"Content-Length: 0\r\n", b"connection: Keep-Alive\r\nX-MBX-APIKEY: k\r\n"])
def test_a_whole_request_without_a_body_is_known_by_its_first_line(more: bytes) -> None:
    assert first_line(HEAD + more + b"\r\n") == (b"POST", b"/api/v3/order?a=1")


@pytest.mark.parametrize(
    "other",
    [
        HEAD,
        HEAD + b"\r\n" + HEAD + b"\r\n",
        HEAD + b"Content-Length: 5\r\n\r\n",
        HEAD + b"Content-Length: 5\r\n\r\na\r\n\r\n",
        HEAD + b"content-length : 5\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
        HEAD + b"Connection: close\r\n\r\n",
        HEAD + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        HEAD + b"Expect: 100-continue\r\n\r\n",
        HEAD + b"A: b\nContent-Length: 5\r\n\r\n",
        HEAD + b"A: b\r\n Content-Length: 5\r\n\r\n",
        HEAD + b"no colon\r\n\r\n",
        HEAD.replace(b"1.1", b"1.0") + b"\r\n",
        HEAD.replace(b"?a=1", b" ?a=1") + b"\r\n",
        HEAD + b"A: " + b"b" * 20_000 + b"\r\n\r\n",
    ],
)
def test_everything_else_is_looked_at_by_the_parser(other: bytes) -> None:
    assert first_line(other) is None


async def test_what_is_shed_whole_leaves_the_connection_as_it_was(venue: Venue) -> None:
    reader, writer = await dial(venue)
    for is_shut in (False, True, True, False):
        venue.app.admission.windows[Priority.NEW_ORDER].size = 0 if is_shut else 8
        venue.app.admission.room.is_standing = is_shut
        writer.write(HEAD + b"\r\n")
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 3)
        assert head.startswith(SHED) == is_shut
        await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
    # In two pieces it is the parser's.
    shut(venue)
    writer.write(HEAD)
    await asyncio.sleep(0.05)
    writer.write(b"\r\n")
    assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 3)).startswith(SHED)
    assert venue.limits.count == 1
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
    venue.app.admission.windows[Priority.NEW_ORDER].cap = 5
    venue.intake.delay_s = 0.04
    watching = asyncio.create_task(venue.app.admission.watch())
    async with venue.connect() as connection:
        for number in range(60):
            params = signed_params({**ORDER, "newClientOrderId": f"n{number}"})
            await connection.send(json.dumps({"id": number, "method": "order.place", "params": params}))
        replies = [json.loads(await asyncio.wait_for(connection.recv(), 5)) for _ in range(60)]
    assert sorted(reply["id"] for reply in replies) == list(range(60))
    watching.cancel()
    statuses = Counter(reply["status"] for reply in replies)
    assert set(statuses) == {200, 503}
    assert statuses[200] >= 5
    assert venue.app.admission.in_flight == 0


async def test_orders_that_are_read_together_are_shed_beyond_what_may_start(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each found the place free that the one read before it was about to take, and was refused as a task of its own."""
    tested, begun = venue.app.admission, 0
    tested.windows[Priority.NEW_ORDER].size = 2
    tested.room.is_standing = True
    enter = tested.enter

    async def counted(operation: Operation, address: str, who: str) -> None:
        nonlocal begun
        begun += 1
        await enter(operation, address, who)

    monkeypatch.setattr(tested, "enter", counted)
    venue.intake.delay_s = 0.2
    dialed = [await dial(venue) for _ in range(12)]
    while venue.limits.count < 12:  # noqa: ASYNC110 - connections are taken a few at a time
        await asyncio.sleep(0.005)
    for number, (_, writer) in enumerate(dialed):
        query = signed_query({**ORDER, "newClientOrderId": f"n{number}"})
        head = f"POST /api/v3/order?{query} HTTP/1.1\r\nHost: venue\r\nX-MBX-APIKEY: {HMAC_KEY}\r\n\r\n"
        writer.write(head.encode())
    answers = [await asyncio.wait_for(reader.readuntil(b"\r\n"), 5) for reader, _ in dialed]
    assert Counter(answer[9:12] for answer in answers) == {b"200": 4, b"503": 8}
    assert begun == 4
    assert tested.windows[Priority.NEW_ORDER].starting == 0
    for _, writer in dialed:
        writer.close()


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
