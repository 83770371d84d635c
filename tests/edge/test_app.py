"""What any request gets, whatever it asks for: limits, shapes of answers and of refusals."""

import asyncio
from typing import Any, cast

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from openbourse.edge import admission
from openbourse.edge.errors import ApiError
from openbourse.edge.operations import Call, Operation, Pool, Priority, Security
from tests.served import HMAC_KEY, HeldKeys, Venue, served, signed_query


async def echo(call: Call) -> object:
    return dict(call.params)


async def fail(call: Call) -> object:
    raise RuntimeError("secret detail")


async def lose_the_database(call: Call) -> object:
    raise ConnectionError("secret detail")


async def keep(call: Call) -> object:
    call.set_cookie = "device=a; HttpOnly"
    if "fail" in call.params:
        raise ApiError(-1130, "No.")
    return {"cookies": call.cookies.decode()}


async def wait(call: Call) -> object:
    await asyncio.sleep(0.5)
    return {}


OFFERED = [
    Operation(rest=("GET", "/api/v3/echo"), handler=echo, parameters=frozenset({"a", "b", "c"})),
    Operation(rest=("POST", "/bourse/v1/echo"), handler=echo, parameters=frozenset({"a", "b"}), json_body=True),
    Operation(
        rest=("POST", "/bourse/v1/tell"),
        handler=echo,
        parameters=frozenset({"a", "code"}),
        confidential=frozenset({"code"}),
    ),
    Operation(
        rest=("POST", "/bourse/v1/tell-json"),
        handler=echo,
        parameters=frozenset({"a", "code"}),
        confidential=frozenset({"code"}),
        json_body=True,
    ),
    Operation(rest=("POST", "/bourse/v1/keep"), handler=keep, parameters=frozenset({"fail"})),
    Operation(rest=("GET", "/api/v3/fail"), handler=fail),
    Operation(rest=("GET", "/api/v3/lost"), handler=lose_the_database),
    Operation(rest=("GET", "/api/v3/wait"), handler=wait, priority=Priority.NEW_ORDER),
    Operation(rest=("GET", "/sapi/v1/address"), handler=echo, weight=7, pool=Pool.SAPI_ADDRESS),
    Operation(rest=("GET", "/sapi/v1/user"), handler=echo, weight=9, pool=Pool.SAPI_USER, security=Security.READ),
]


@pytest.fixture
async def offering() -> Any:
    async with served(operations=OFFERED) as venue:
        yield venue


@pytest.mark.parametrize(
    ("query", "status", "seen"),
    [
        ("a=1&b=x%20y%2B", 200, {"a": "1", "b": "x y+"}),
        ("a=x+y&&b=", 200, {"a": "x y", "b": ""}),
        ("a=%E2%82%BF", 200, {"a": "₿"}),
        ("a=1&a=2", 400, -1101),
        ("a=1&%61=2", 400, -1101),
        ("a=%FF", 400, -1100),
        ("d=1", 400, -1104),
        ("&".join(f"p{number}=1" for number in range(100)), 400, -1101),
    ],
)
async def test_parameters_are_read_strictly(offering: Venue, query: str, status: int, seen: Any) -> None:
    answer = await offering.http.get(f"/api/v3/echo?{query}")
    assert answer.status_code == status
    assert (answer.json() if status == 200 else answer.json()["code"]) == seen


async def test_a_get_reads_its_query_alone(offering: Venue) -> None:
    answer = await offering.http.request("GET", "/api/v3/echo?a=1", content=b"b=2&no=such")
    assert (answer.status_code, answer.json()) == (200, {"a": "1"})


@pytest.mark.parametrize(
    ("permissions", "count", "code"),
    [
        ("SPOT", 4, None),
        ("MARGIN", 0, None),
        ('["MARGIN","SPOT"]', 4, None),
        ('["TRD_GRP_005"]', 0, None),
        ("", 0, -1105),
        ("[]", 0, -1100),
        ("spot", 0, -1100),
        ('["SPOT"', 0, -1100),
        ('[["SPOT"]]', 0, -1100),
    ],
)
async def test_exchange_info_shows_what_has_one_of_the_permissions(
    venue: Venue, permissions: str, count: int, code: int | None
) -> None:
    answer = (await venue.http.get("/api/v3/exchangeInfo", params={"permissions": permissions})).json()
    assert answer.get("code") == code
    assert len(answer.get("symbols", [])) == count


async def test_a_json_body_becomes_parameters(offering: Venue) -> None:
    good = await offering.http.post("/bourse/v1/echo", json={"a": "x", "b": 5})
    assert good.json() == {"a": "x", "b": "5"}
    for body in (b'{"a": ', b"[]", b'{"a": {"deep": 1}}', b"", b"\xff", b"[" * 20_000, b'{"a":' * 12_000):
        answer = await offering.http.post("/bourse/v1/echo", content=body)
        assert (answer.status_code, answer.json()["code"]) == (400, -1135)


@pytest.mark.parametrize("query", ["code=123456", "a=1&c%6Fde=123456", "code="])
async def test_what_is_confidential_is_refused_in_a_query(offering: Venue, query: str) -> None:
    for sent in ({"content": b""}, {"content": b"code=123456"}):
        answer = await offering.http.post(f"/bourse/v1/tell?{query}", **sent)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["code"]) == (400, -1130)
        assert answer.json()["msg"] == "Parameter 'code' must be sent in the request's body, never in its query."
    answer = await offering.http.post(f"/bourse/v1/tell-json?{query}", json={"code": "123456"})
    assert (answer.status_code, answer.json()["code"]) == (400, -1130)
    good = await offering.http.post("/bourse/v1/tell?a=1", content=b"code=123456")
    assert good.json() == {"a": "1", "code": "123456"}


async def test_a_cookie_goes_out_with_a_good_answer_and_comes_back(offering: Venue) -> None:
    answer = await offering.http.post("/bourse/v1/keep", headers={"Cookie": "x=1; device=b"})
    assert answer.headers.get_list("set-cookie") == ["device=a; HttpOnly"]
    assert answer.json() == {"cookies": "x=1; device=b"}
    assert "set-cookie" not in (await offering.http.post("/bourse/v1/keep?fail=1")).headers


async def test_answers_say_what_they_cost(offering: Venue) -> None:
    first = await offering.http.get("/api/v3/echo?a=1")
    assert first.headers["content-type"] == "application/json;charset=UTF-8"
    assert first.headers["X-MBX-USED-WEIGHT"] == first.headers["X-MBX-USED-WEIGHT-1M"] == "1"
    assert first.headers["x-mbx-uuid"]
    refused = await offering.http.get("/api/v3/echo?a=1&a=1")
    assert refused.headers["content-type"] == "application/json;charset=UTF-8"
    assert (await offering.http.get("/api/v3/exchangeInfo")).headers["X-MBX-USED-WEIGHT"] == "21"


async def test_sapi_has_pools_of_its_own(offering: Venue) -> None:
    by_address = await offering.http.get("/sapi/v1/address")
    assert by_address.headers["X-SAPI-USED-IP-WEIGHT-1M"] == "7"
    assert "X-MBX-USED-WEIGHT" not in by_address.headers
    by_user = await offering.signed("GET", "/sapi/v1/user")
    assert by_user.headers["X-SAPI-USED-UID-WEIGHT-1M"] == "9"
    assert (await offering.http.get("/sapi/v1/address")).headers["X-SAPI-USED-IP-WEIGHT-1M"] == "14"


async def test_an_order_costs_weight_only_when_it_fails(venue: Venue) -> None:
    limit = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001"}
    good = await venue.signed("POST", "/api/v3/order", limit, price="9000")
    assert good.headers["X-MBX-USED-WEIGHT-1M"] == "0"
    bad = await venue.signed("POST", "/api/v3/order", limit, price="9000.001")
    assert bad.headers["X-MBX-USED-WEIGHT-1M"] == "1"
    assert "X-MBX-ORDER-COUNT-10S" not in bad.headers


async def test_beyond_the_weight_the_answer_is_429_with_retry_after() -> None:
    async with served(per_minute=20) as venue:
        await venue.http.get("/api/v3/exchangeInfo")
        answer = await venue.http.get("/api/v3/ping")
        assert answer.status_code == 429
        assert 0 < int(answer.headers["Retry-After"]) <= 60
        assert answer.json()["code"] == -1003


async def test_a_fault_inside_tells_nothing(offering: Venue) -> None:
    answer = await offering.http.get("/api/v3/fail")
    assert answer.status_code == 500
    assert answer.json() == {"code": -1000, "msg": "An unknown error occurred while processing the request."}


async def test_a_database_that_is_away_leaves_the_outcome_unknown(offering: Venue) -> None:
    answer = await offering.http.get("/api/v3/lost")
    assert (answer.status_code, answer.json()["code"]) == (503, -1007)
    assert "secret" not in answer.text


async def test_what_cannot_be_proven_for_want_of_a_database_was_not_sent(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lose(_keys: HeldKeys, _api_key: str) -> None:
        raise ConnectionError("the database is away")

    monkeypatch.setattr(HeldKeys, "find", lose)
    answer = await venue.signed("POST", "/api/v3/order", price="9000")
    assert (answer.status_code, answer.json()["code"]) == (503, -1008)


async def test_unknown_paths_and_methods(offering: Venue) -> None:
    unknown = await offering.http.get("/api/v3/nothing")
    assert (unknown.status_code, unknown.json()["code"] < 0) == (404, True)
    page = await offering.http.get("/api/v3/nothing", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html")
    assert (await offering.http.put("/api/v3/echo")).status_code == 405
    assert (await offering.http.request("OPTIONS", "/api/v3/echo")).status_code == 405


async def test_the_time_unit_is_chosen_by_a_header(venue: Venue) -> None:
    for name, digits in (("MICROSECOND", 16), ("microsecond", 16), ("MILLISECOND", 13)):
        answer = await venue.http.get("/api/v3/time", headers={"X-MBX-TIME-UNIT": name})
        assert len(str(answer.json()["serverTime"])) == digits
    wrong = await venue.http.get("/api/v3/time", headers={"X-MBX-TIME-UNIT": "FORTNIGHT"})
    assert wrong.json()["code"] == -1194


async def test_load_is_shed_by_kind_before_it_is_proven(offering: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(admission.IN_FLIGHT_MAX, Priority.NEW_ORDER, 1)
    busy = asyncio.create_task(offering.http.get("/api/v3/wait"))
    await asyncio.sleep(0.1)
    shed = await offering.http.post("/api/v3/order?garbage")
    assert (shed.status_code, shed.json()["code"]) == (503, -1008)
    assert (await offering.http.get("/api/v3/ping")).status_code == 200
    assert (await busy).status_code == 200
    assert offering.app.admission.in_flight == 0


async def test_a_body_beyond_the_limit_is_refused_also_in_pieces(venue: Venue) -> None:
    async def pieces() -> Any:
        for _ in range(100):
            yield b"x" * 1_000

    for content in (b"a=" + b"x" * 1_000_000, pieces()):
        answer = await venue.http.post("/api/v3/order", content=content)
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/json;charset=UTF-8"
        assert answer.json()["code"] < 0
    within = await venue.http.post("/api/v3/order", content=b"a=" + b"x" * 60_000)
    assert within.status_code == 401


async def test_what_no_operation_has_goes_to_the_application_behind() -> None:
    async def who(request: Request) -> PlainTextResponse:
        assert request.client is not None
        return PlainTextResponse(request.client.host)

    async with served(behind=cast(Any, Starlette(routes=[Route("/who", who)]))) as venue:
        # A peer that is no proxy of ours cannot give itself another address, not even a local one.
        answer = await venue.http.get("/who", headers={"X-Forwarded-For": "192.0.2.1"})
        assert answer.text == "127.0.0.1"
        assert (await venue.http.get("/elsewhere")).status_code == 404


async def test_exchange_info_has_every_key_that_clients_ask_for(venue: Venue) -> None:
    info = (await venue.http.get("/api/v3/exchangeInfo?symbol=BTCUSDT")).json()
    assert [limit["rateLimitType"] for limit in info["rateLimits"]] == [
        "REQUEST_WEIGHT",
        "ORDERS",
        "ORDERS",
        "RAW_REQUESTS",
    ]
    (symbol,) = info["symbols"]
    assert {"permissions": [], "permissionSets": [["SPOT"]], "status": "TRADING"}.items() <= symbol.items()
    assert [one["filterType"] for one in symbol["filters"]][:2] == ["PRICE_FILTER", "LOT_SIZE"]
    assert symbol["orderTypes"][:4] == ["LIMIT", "MARKET", "LIMIT_MAKER", "STOP_LOSS"]
    assert (symbol["ocoAllowed"], symbol["cancelReplaceAllowed"], info["exchangeFilters"]) == (True, True, [])
    several = await venue.http.get('/api/v3/exchangeInfo?symbols=["BTCUSDT","ETHUSDT"]')
    assert [one["symbol"] for one in several.json()["symbols"]] == ["BTCUSDT", "ETHUSDT"]
    for query, code in (
        ("symbol=NOSUCH", -1121),
        ('symbols=["BTCUSDT","BTCUSDT"]', -1151),
        ("symbols=BTCUSDT", -1100),
        ('symbol=BTCUSDT&symbols=["BTCUSDT"]', -1128),
        ("symbolStatus=ASLEEP", -1122),
        ("symbol=BTCUSDT&symbolStatus=TRADING", -1128),
        ('symbols=["BTCUSDT"]&symbolStatus=TRADING', -1128),
    ):
        assert (await venue.http.get(f"/api/v3/exchangeInfo?{query}")).json()["code"] == code


async def test_a_replayed_request_is_refused_once_its_window_is_over(venue: Venue) -> None:
    query = signed_query({"symbol": "BTCUSDT", "recvWindow": "100"})
    headers = {"X-MBX-APIKEY": HMAC_KEY}
    first: httpx.Response = await venue.http.delete(f"/api/v3/openOrders?{query}", headers=headers)
    assert first.json()["code"] == -2011
    await asyncio.sleep(0.15)
    assert (await venue.http.delete(f"/api/v3/openOrders?{query}", headers=headers)).json()["code"] == -1021


@pytest.mark.parametrize(
    "accept",
    ["application/sbe", "application/sbe;q=1", "Application/SBE", "application/sbe, text/html"],
)
@pytest.mark.parametrize("schema", [None, "3:5"])
async def test_who_takes_only_sbe_is_not_answered_in_json(offering: Venue, accept: str, schema: str | None) -> None:
    headers = {"Accept": accept} if schema is None else {"Accept": accept, "X-MBX-SBE": schema}
    answer = await offering.http.get("/api/v3/echo?a=1", headers=headers)
    assert (answer.status_code, answer.json()) == (406, {"code": -1155, "msg": "SBE is not enabled."})
    assert answer.headers["content-type"] == "application/json;charset=UTF-8"


@pytest.mark.parametrize("accept", ["application/sbe, application/json", "application/sbe,*/*;q=0.1", "*/*", ""])
async def test_who_takes_json_too_is_answered_in_it(offering: Venue, accept: str) -> None:
    answer = await offering.http.get("/api/v3/echo?a=1", headers={"Accept": accept, "X-MBX-SBE": "3:5"})
    assert (answer.status_code, answer.json()) == (200, {"a": "1"})


async def test_types_may_be_accepted_on_several_lines(offering: Venue) -> None:
    for types, status in ((("application/json", "application/sbe"), 200), (("application/sbe", "text/html"), 406)):
        lines = [("Accept", each) for each in types]
        assert (await offering.http.get("/api/v3/echo", headers=lines)).status_code == status


@pytest.mark.parametrize("kind", ["fapi", "dapi"])
async def test_markets_of_futures_are_none(venue: Venue, kind: str) -> None:
    answer = await venue.http.get(f"/{kind}/v1/exchangeInfo")
    assert (answer.status_code, answer.json()["symbols"]) == (200, [])
    assert answer.headers["X-MBX-USED-WEIGHT"] == "1"
