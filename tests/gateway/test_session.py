"""The WebSocket API: envelopes, logon, signatures, subscriptions."""

import asyncio
import base64
import json
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from openbourse.gateway.envelope import read_head
from openbourse.gateway.session import IN_FLIGHT_MAX
from tests.served import (
    ALICE,
    ED_KEY,
    ED_PRIVATE,
    HMAC_KEY,
    RSA_KEY,
    RSA_PRIVATE,
    Venue,
    ask,
    now_ms,
    served,
    sign,
    signed_params,
)

LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "9000",
    "quantity": "0.001",
}


@pytest.mark.parametrize(
    "number", [7, -1, "text", "", None, "a-uuid-of-36-characters-1234567890ab", "é" * 36, 2**63 - 1, -(2**63)]
)
async def test_an_id_comes_back_as_it_was_sent(venue: Venue, number: Any) -> None:
    async with venue.connect() as connection:
        reply = await ask(connection, "ping", number=number)
    assert reply["id"] == number
    assert (reply["status"], reply["result"]) == (200, {})


@pytest.mark.parametrize("number", ["x" * 37, 1.5, 2**63, -(2**63) - 1, [1], {"a": 1}, True, 1e300, [[[[[[]]]]]]])
async def test_an_id_of_another_kind_is_refused_with_the_limits_beside(venue: Venue, number: Any) -> None:
    async with venue.connect() as connection:
        reply = await ask(connection, "ping", number=number)
        assert (reply["id"], reply["status"], reply["error"]["code"]) == (None, 400, -1135)
        assert "'id'" in reply["error"]["msg"]
        assert reply["rateLimits"][0]["rateLimitType"] == "REQUEST_WEIGHT"
        assert (await ask(connection, "ping"))["status"] == 200
    async with venue.connect("/ws-api/v3?returnRateLimits=false") as connection:
        assert "rateLimits" not in await ask(connection, "ping", number=number)


async def test_a_prefix_of_the_version_is_accepted(venue: Venue) -> None:
    async with venue.connect() as connection:
        assert (await ask(connection, "v3/time"))["result"]["serverTime"] > 0


async def test_rate_limits_ride_along_unless_unwanted(venue: Venue) -> None:
    async with venue.connect() as connection:
        limits = (await ask(connection, "time"))["rateLimits"]
        assert limits == [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6_000, "count": 3}
        ]
        assert "rateLimits" not in await ask(connection, "time", {"returnRateLimits": False})
        assert "rateLimits" not in await ask(connection, "no.such", {"returnRateLimits": False})
    async with venue.connect("/ws-api/v3?returnRateLimits=false") as connection:
        assert "rateLimits" not in await ask(connection, "time")
        assert "rateLimits" in await ask(connection, "time", {"returnRateLimits": True})


async def test_times_come_in_the_unit_of_the_connection(venue: Venue) -> None:
    async with venue.connect("/ws-api/v3?timeUnit=microsecond") as connection:
        assert (await ask(connection, "time"))["result"]["serverTime"] > 10**15
    with pytest.raises(InvalidStatus):
        await venue.connect("/ws-api/v3?timeUnit=fortnight")


@pytest.mark.parametrize(
    "query", ["responseFormat=sbe&sbeSchemaId=3&sbeSchemaVersion=5", "responseFormat=SBE&responseFormat=json"]
)
async def test_who_wants_sbe_is_refused_before_the_socket_opens(venue: Venue, query: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await venue.connect(f"/ws-api/v3?{query}")
    answer = refused.value.response
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/json;charset=UTF-8")
    assert answer.body == b'{"code":-1155,"msg":"SBE is not enabled."}'
    async with venue.connect("/ws-api/v3?responseFormat=json") as connection:
        assert (await ask(connection, "ping"))["result"] == {}


@pytest.mark.parametrize(
    ("message", "number", "code"),
    [
        ("{not json", None, -1135),
        ("[]", None, -1135),
        ("5", None, -1135),
        ('{"id":4,"method":"ping","params":[]}', 4, -1135),
        ('{"id":4,"method":7}', 4, -1135),
        ('{"id":4}', 4, -1102),
        ('{"id":4,"method":"no.such"}', 4, -1020),
        ('{"id":4,"method":"ping","params":{"a":1}}', 4, -1104),
        ('{"id":4,"method":"ping","params":{"returnRateLimits":5}}', 4, -1130),
        ('{"id":"' + "x" * 300 + '","method":"ping"}', None, -1135),
        ('{"id":' + "9" * 5_000 + ',"method":"ping"}', None, -1135),
        ('{"id":1.5,"method":7}', None, -1135),
        ("[" * 60_000, None, -1135),
    ],
)
async def test_a_message_that_is_no_request_is_refused_and_the_next_one_served(
    venue: Venue, message: str, number: Any, code: int
) -> None:
    async with venue.connect() as connection:
        await connection.send(message)
        reply = json.loads(await asyncio.wait_for(connection.recv(), 5))
        assert (reply["id"], reply["status"], reply["error"]["code"]) == (number, 400, code)
        assert reply["rateLimits"], "refusals carry the limits like any answer"
        assert (await ask(connection, "ping"))["status"] == 200


async def test_an_order_is_placed_and_canceled_with_counts(venue: Venue) -> None:
    async with venue.connect() as connection:
        placed = await ask(connection, "order.place", signed_params(LIMIT), "first")
        assert (placed["id"], placed["status"], placed["result"]["status"]) == ("first", 200, "NEW")
        assert [row["rateLimitType"] for row in placed["rateLimits"]] == ["ORDERS", "ORDERS", "REQUEST_WEIGHT"]
        target = {"symbol": "BTCUSDT", "orderId": placed["result"]["orderId"]}
        canceled = await ask(connection, "order.cancel", signed_params(target))
        assert canceled["result"]["status"] == "CANCELED"
        again = await ask(connection, "order.cancel", signed_params(target))
        assert (again["status"], again["error"]) == (400, {"code": -2011, "msg": "Unknown order sent."})


async def test_values_may_be_text_or_json(venue: Venue) -> None:
    async with venue.connect() as connection:
        params = {**LIMIT, "timestamp": now_ms(), "apiKey": HMAC_KEY, "strategyId": 5, "recvWindow": 5000.125}
        numbers = {"price": "9000.10", "quantity": "0.0010"}
        payload = "&".join(f"{name}={value}" for name, value in sorted({**params, **numbers}.items()))
        whole = {**params, **dict.fromkeys(numbers, 0), "signature": sign(payload)}
        text = json.dumps({"id": 1, "method": "order.place", "params": whole})
        # The numbers as a client may write them: what is signed is the text that was sent.
        text = text.replace('"price": 0', '"price": 9000.10').replace('"quantity": 0', '"quantity": 0.0010')
        await connection.send(text)
        reply = json.loads(await connection.recv())
        assert reply["status"] == 200, reply
        assert reply["result"]["price"] == "9000.10000000"
        small = {**LIMIT, "quantity": 1e-05}
        reply = await ask(connection, "order.place", signed_params(small))
        assert reply["error"]["code"] == -1100


async def test_a_half_done_replace_carries_its_halves(venue: Venue) -> None:
    async with venue.connect() as connection:
        params = {**LIMIT, "cancelReplaceMode": "ALLOW_FAILURE", "cancelOrderId": 77}
        reply = await ask(connection, "order.cancelReplace", signed_params(params))
    assert (reply["status"], reply["error"]["code"]) == (409, -2021)
    assert reply["error"]["data"]["newOrderResult"] == "SUCCESS"


async def test_percent_encoded_payloads_are_accepted_too(venue: Venue) -> None:
    from urllib.parse import urlencode

    async with venue.connect() as connection:
        params = {"symbol": "BTC USDT+", "orderId": 1, "timestamp": now_ms(), "apiKey": HMAC_KEY}
        signature = sign(urlencode(sorted(params.items())))
        reply = await ask(connection, "order.cancel", {**params, "signature": signature})
        assert reply["error"]["code"] == -1100, "it is proven, then refused for its symbol"
        reply = await ask(connection, "order.cancel", {**params, "signature": "0" * 64})
        assert reply["error"]["code"] == -1022


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"apiKey": "short"}, 401, -2014),
        ({"apiKey": "x" * 64}, 401, -2015),
        ({"apiKey": None}, 400, -1102),
        ({"timestamp": None}, 400, -1102),
        ({"signature": None}, 400, -1102),
        ({"signature": "ab" * 32}, 400, -1022),
        ({"timestamp": 1_600_000_000_000}, 400, -1021),
    ],
)
async def test_an_unproven_request_is_refused(venue: Venue, changes: dict[str, Any], status: int, code: int) -> None:
    params = {name: value for name, value in {**signed_params(LIMIT), **changes}.items() if value is not None}
    async with venue.connect() as connection:
        reply = await ask(connection, "order.place", params)
    assert (reply["status"], reply["error"]["code"]) == (status, code)


@pytest.mark.parametrize("kind", ["HMAC", "ED25519", "RSA"])
async def test_every_kind_of_key_logs_on(venue: Venue, kind: str) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    key = {"HMAC": HMAC_KEY, "ED25519": ED_KEY, "RSA": RSA_KEY}[kind]
    params: dict[str, object] = {"apiKey": key, "timestamp": now_ms()}
    payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
    signature = {
        "HMAC": lambda: sign(payload),
        "ED25519": lambda: base64.b64encode(ED_PRIVATE.sign(payload.encode())).decode(),
        "RSA": lambda: base64.b64encode(
            RSA_PRIVATE.sign(payload.encode(), padding.PKCS1v15(), hashes.SHA256())
        ).decode(),
    }[kind]()
    async with venue.connect() as connection:
        reply = await ask(connection, "session.logon", {**params, "signature": signature})
        assert reply["status"] == 200, reply
        assert set(reply["result"]) == {
            *("apiKey", "authorizedSince", "connectedSince", "returnRateLimits", "serverTime", "userDataStream"),
        }  # fmt: skip
        placed = await ask(connection, "order.place", {**LIMIT, "timestamp": now_ms()})
        assert placed["status"] == 200, placed


async def test_a_logon_ends_by_logout_or_with_its_key(venue: Venue) -> None:
    async with venue.connect() as connection:
        assert (await ask(connection, "session.status"))["result"]["apiKey"] is None
        await ask(connection, "session.logon", signed_params({}))
        assert (await ask(connection, "session.status"))["result"]["apiKey"] == HMAC_KEY
        missing = await ask(connection, "order.place", LIMIT)
        assert missing["error"]["code"] == -1102, "the timestamp stays mandatory"
        await ask(connection, "session.logout")
        refused = await ask(connection, "order.place", {**LIMIT, "timestamp": now_ms()})
        assert refused["error"]["code"] == -1102
        await ask(connection, "session.logon", signed_params({}))
        del venue.keys.by_name[HMAC_KEY]
        revoked = await ask(connection, "order.place", {**LIMIT, "timestamp": now_ms()})
        assert (revoked["id"], revoked["status"], revoked["error"]["code"]) == (None, 401, -2015)


async def test_a_subscription_speaks_after_its_answer_and_ends_with_a_word(venue: Venue) -> None:
    async with venue.connect() as connection:
        refused = await ask(connection, "userDataStream.subscribe")
        assert refused["status"] == 401
        await ask(connection, "session.logon", signed_params({}))
        reply = await ask(connection, "userDataStream.subscribe")
        assert reply["result"] == {"subscriptionId": 0}
        assert json.loads(await connection.recv()) == {"subscriptionId": 0, "event": {"e": "early"}}
        twice = await ask(connection, "userDataStream.subscribe.signature", signed_params({}))
        assert twice["error"]["code"] == -2035
        venue.streams.emits[0](b'{"e":"later"}')
        assert json.loads(await connection.recv())["event"] == {"e": "later"}
        assert (await ask(connection, "session.status"))["result"]["userDataStream"] is True
        assert (await ask(connection, "session.subscriptions"))["result"] == [{"subscriptionId": 0}]
        assert (await ask(connection, "userDataStream.unsubscribe", {"subscriptionId": "0"}))["result"] == {}
        assert json.loads(await connection.recv())["event"]["e"] == "eventStreamTerminated"
        gone = await ask(connection, "userDataStream.unsubscribe", {"subscriptionId": 0})
        assert gone["error"]["code"] == -2036
        assert venue.streams.ended == [0]
        # As the official client does after a logon: nothing but a timestamp.
        reply = await ask(connection, "userDataStream.subscribe.signature", {"timestamp": now_ms()})
        assert reply["result"] == {"subscriptionId": 1}
    await asyncio.sleep(0.05)
    assert venue.streams.ended == [0, 1], "a lost socket ends its subscriptions"


async def test_logout_ends_only_what_the_logon_began(venue: Venue) -> None:
    async with venue.connect() as connection:
        await ask(connection, "userDataStream.subscribe.signature", signed_params({}))
        await connection.recv()
        await ask(connection, "session.logon", signed_params({}))
        await ask(connection, "session.logout")
        assert (await ask(connection, "session.subscriptions"))["result"] == [{"subscriptionId": 0}]


async def test_requests_are_answered_as_they_finish_and_none_is_lost(venue: Venue) -> None:
    count = 3 * IN_FLIGHT_MAX
    venue.intake.delay_s = 0.02
    async with venue.connect() as connection:
        await ask(connection, "session.logon", signed_params({}))
        for number in range(count):
            params = {**LIMIT, "timestamp": now_ms()}
            await connection.send(json.dumps({"id": number, "method": "order.place", "params": params}))
        replies = [json.loads(await asyncio.wait_for(connection.recv(), 5)) for _ in range(count)]
    assert sorted(reply["id"] for reply in replies) == list(range(count))
    assert {reply["status"] for reply in replies} == {200}


async def test_used_up_weight_says_when_to_come_back() -> None:
    async with served(per_minute=25) as venue, venue.connect() as connection:
        assert (await ask(connection, "exchangeInfo"))["status"] == 200
        reply = await ask(connection, "exchangeInfo")
        assert (reply["status"], reply["error"]["code"]) == (429, -1003)
        assert reply["error"]["data"]["retryAfter"] > reply["error"]["data"]["serverTime"]


async def test_stopping_is_announced() -> None:
    async with served() as venue, venue.connect() as connection:
        await ask(connection, "ping")
        venue.stop.set()
        assert json.loads(await asyncio.wait_for(connection.recv(), 5))["event"]["e"] == "serverShutdown"
        await asyncio.wait_for(connection.wait_closed(), 5)
        assert connection.close_code == 1001


async def test_it_knows_the_account(venue: Venue) -> None:
    async with venue.connect() as connection:
        await ask(connection, "order.place", signed_params(LIMIT))
    command, not_after_us = venue.intake.submitted[-1]
    assert getattr(command, "account") == ALICE  # noqa: B009
    assert not_after_us > now_ms() * 1_000


async def test_its_exchange_info_names_the_limit_of_connections(venue: Venue) -> None:
    async with venue.connect() as connection:
        info = (await ask(connection, "exchangeInfo", {"symbols": ["BTCUSDT"], "showPermissionSets": False}))["result"]
    assert [limit["rateLimitType"] for limit in info["rateLimits"]][-1] == "CONNECTIONS"
    assert info["symbols"][0]["permissionSets"] == []
    assert "PERCENT_PRICE_BY_SIDE" in [one["filterType"] for one in info["symbols"][0]["filters"]]


@pytest.mark.parametrize(
    ("message", "head"),
    [
        (b'{"id":"a-1","method":"order.place","params":{"b":1}}', (b'"a-1"', b"order.place")),
        (b' { "id" : 12 , "method" : "v3/order.place" }', (b"12", b"order.place")),
        (b'{"id":null,"method":"order.cancel","params":{}}', (b"null", b"order.cancel")),
        # What is not as usual is read as what it is.
        (b'{"params":{"method":"order.cancel"},"method":"order.place","id":"x"}', (b'"x"', b"order.place")),
        (b'{"method":"order.place","params":{"id":1}}', (b"null", b"order.place")),
        (b'{"id":"\\u0061","method":"order\\u002eplace"}', (b'"\\u0061"', b"order.place")),
        (b'{"id":-5,"method":"time"}', (b"-5", b"time")),
        (b'{"id":"\xc3\xa9","method":"time"}', (b'"\xc3\xa9"', b"time")),
        (b'{"id":"' + b"x" * 37 + b'","method":"order.place"}', None),
        (b'{"id":1.5,"method":"order.place"}', None),
        (b'{"id":[1],"method":"order.place"}', None),
        (b'{"id":"\xff","method":"order.place"}', None),
        (b'["id"]', None),
        (b"", None),
    ],
)
def test_a_message_is_known_by_its_head(message: bytes, head: tuple[bytes, bytes] | None) -> None:
    assert read_head(message) == head
