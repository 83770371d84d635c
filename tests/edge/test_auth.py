"""Who is let in: keys, clocks, signatures over the bytes as received."""

import time
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from openbourse.edge import auth
from openbourse.edge.errors import ApiError
from openbourse.edge.key_store import ApiKey
from openbourse.edge.operations import Security
from openbourse.edge.params import Params
from tests.served import (
    ED_KEY,
    FENCED_KEY,
    HMAC_KEY,
    READ_KEY,
    RSA_KEY,
    SECRET,
    HeldKeys,
    Venue,
    ed_signature,
    now_ms,
    rsa_signature,
    served,
    sign,
    signed_query,
)

LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "9000",
    "quantity": "0.001",
}
ORDER = "/api/v3/order"
WINDOW_RANGE = r"Illegal characters found in parameter 'recvWindow'; legal range is '^([0-9]{1,20})(\.[0-9]{1,3})?$'."
DOCUMENTED = ApiKey(HMAC_KEY, 1, 1, "HMAC", SECRET.encode(), frozenset())


@pytest.mark.parametrize(
    ("query", "body", "signature"),
    [
        (
            b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
            b"",
            "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
        ),
        (
            b"",
            b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
            "C8DB56825AE71D6D79447849E617115F4A920FA2ACDCAB2B053C4B2838BD6B71",
        ),
        (
            b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC",
            b"quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
            "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77",
        ),
    ],
)
def test_the_documented_signatures_are_valid_wherever_they_stand(query: bytes, body: bytes, signature: str) -> None:
    pair = b"signature=" + signature.encode()
    for sent in (
        (query + b"&" + pair if query else pair, body),
        (query, body + b"&" + pair if body else pair),
        (pair + b"&" + query if query else pair, body),
    ):
        auth.check_signature(DOCUMENTED, [auth.rest_payload(*sent)], signature)
    with pytest.raises(ApiError) as refused:
        auth.check_signature(DOCUMENTED, [auth.rest_payload(query + b"0", body)], signature)
    assert refused.value.code == -1022


@pytest.mark.parametrize(
    ("stamp_shift_us", "window", "refusal"),
    [
        (0, None, None),
        (900_000, None, None),
        (1_000_000, None, "Timestamp for this request was 1000ms ahead of the server's time."),
        (-5_000_000, None, None),
        (-5_000_001, None, "Timestamp for this request is outside of the recvWindow."),
        (-59_000_000, "60000", None),
        (-6_500, "6.5", None),
        (-6_501, "6.5", "Timestamp for this request is outside of the recvWindow."),
        (0, "60000.001", "recvWindow must be less than 60000"),
        (0, "60001", "recvWindow must be less than 60000"),
        (0, "99999999999999999999", "recvWindow must be less than 60000"),
        (0, "1.2345", WINDOW_RANGE),
        (0, "-1", WINDOW_RANGE),
        (0, "abc", WINDOW_RANGE),
        (0, "1.", WINDOW_RANGE),
        (0, "123456789012345678901", WINDOW_RANGE),
        (0, "", "Parameter 'recvWindow' was empty."),
    ],
)
def test_a_timestamp_is_good_within_its_window(stamp_shift_us: int, window: str | None, refusal: str | None) -> None:
    now_us = 1_800_000_000_000_000
    params = {"timestamp": str(now_us + stamp_shift_us)}
    if window is not None:
        params["recvWindow"] = window
    if refusal is None:
        assert auth.check_time(Params(params), now_us) <= now_us + auth.ENGINE_PATIENCE_US
        return
    with pytest.raises(ApiError) as refused:
        auth.check_time(Params(params), now_us)
    assert refused.value.message == refusal


def test_milliseconds_are_told_from_microseconds() -> None:
    now_us = 1_800_000_000_000_000
    for stamp in (now_us, now_us // 1_000):
        assert auth.check_time(Params({"timestamp": str(stamp)}), now_us) == now_us + 5_000_000


async def refusal(venue: Venue, query: str, key: str | None = HMAC_KEY) -> tuple[int, int, str]:
    headers = {} if key is None else {"X-MBX-APIKEY": key}
    answer = await venue.http.post(f"{ORDER}?{query}", headers=headers)
    return answer.status_code, answer.json()["code"], answer.json()["msg"]


async def test_what_is_missing_is_named_in_the_documented_order(venue: Venue) -> None:
    query = urlencode(LIMIT)
    assert (await refusal(venue, query, None))[:2] == (401, -2014)
    assert (await refusal(venue, query, "bad key!"))[:2] == (401, -2014)
    assert await refusal(venue, query, "x" * 64) == (401, -2015, "Invalid API-key, IP, or permissions for action.")
    assert (await refusal(venue, query, READ_KEY))[:2] == (401, -2015)
    assert (await refusal(venue, query, FENCED_KEY))[:2] == (401, -2015)
    status, code, message = await refusal(venue, query)
    assert (status, code) == (400, -1102)
    assert "'timestamp'" in message
    status, code, message = await refusal(venue, f"{query}&timestamp={now_ms()}")
    assert (status, code) == (400, -1102)
    assert "'signature'" in message
    assert (await refusal(venue, f"{query}&timestamp=1600000000000&signature=0"))[1] == -1021
    assert await refusal(venue, f"{query}&timestamp={now_ms()}&signature=0") == (
        400,
        -1022,
        "Signature for this request is not valid.",
    )
    assert venue.intake.submitted == []


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
async def test_public_keys_prove_requests(venue: Venue, kind: str) -> None:
    key, signed = (ED_KEY, ed_signature) if kind == "ed25519" else (RSA_KEY, rsa_signature)
    query = urlencode({**LIMIT, "timestamp": now_ms()})
    headers = {"X-MBX-APIKEY": key}
    good = await venue.http.post(f"{ORDER}?{query}&signature={signed(query)}", headers=headers)
    assert good.status_code == 200, good.text
    for signature in (signed(query + "0"), "0" * 64, quote("not base64!"), ""):
        bad = await venue.http.post(f"{ORDER}?{query}&signature={signature}", headers=headers)
        assert bad.json()["code"] in (-1022, -1102)


async def test_the_raw_bytes_are_what_is_signed(venue: Venue) -> None:
    for query in (
        f"symbol=%42TCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&price=9000&quantity=0.001&timestamp={now_ms()}",
        f"quantity=0.001&symbol=BTCUSDT&side=BUY&price=9000&type=LIMIT&timeInForce=GTC&timestamp={now_ms()}",
    ):
        answer = await venue.http.post(f"{ORDER}?{query}&signature={sign(query)}", headers={"X-MBX-APIKEY": HMAC_KEY})
        assert answer.status_code == 200, answer.text


async def test_query_and_body_may_share_the_parameters(venue: Venue) -> None:
    query, body = "symbol=BTCUSDT&side=BUY&price=9000", "side=SELL&type=LIMIT&timeInForce=GTC&quantity=0.001"
    body += f"&timestamp={now_ms()}"
    answer = await venue.http.post(
        f"{ORDER}?{query}",
        content=f"{body}&signature={sign(query + body)}",
        headers={"X-MBX-APIKEY": HMAC_KEY, "Content-Type": "text/plain"},
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["side"] == "BUY", "the query's value wins"


async def test_a_command_may_not_wait_longer_than_its_window(venue: Venue) -> None:
    before = time.time_ns() // 1_000
    query = signed_query({**LIMIT, "recvWindow": "1500.5"})
    await venue.http.post(f"{ORDER}?{query}", headers={"X-MBX-APIKEY": HMAC_KEY})
    _, not_after_us = venue.intake.submitted[-1]
    assert before + 1_400_000 < not_after_us < before + 1_700_000


async def test_a_key_fenced_to_networks_works_from_there_as_a_trusted_proxy_says() -> None:
    async with served(trusted_proxies=("127.0.0.0/8",)) as venue:
        for forwarded, status in (("10.1.2.3", 200), ("10.1.2.3, 192.0.2.9", 401), ("192.0.2.9, 10.1.2.3", 200)):
            answer = await venue.http.post(
                f"{ORDER}?{signed_query(LIMIT)}",
                headers={"X-MBX-APIKEY": FENCED_KEY, "X-Forwarded-For": forwarded},
            )
            assert answer.status_code == status, forwarded


async def test_a_header_from_an_untrusted_peer_is_not_believed(venue: Venue) -> None:
    headers = {"X-MBX-APIKEY": FENCED_KEY, "X-Forwarded-For": "10.1.2.3"}
    answer: Any = await venue.http.post(f"{ORDER}?{signed_query(LIMIT)}", headers=headers)
    assert answer.status_code == 401


async def test_a_caller_knows_where_the_key_may_be_used_from() -> None:
    _, caller = await auth.find_caller(HeldKeys(), FENCED_KEY, Security.READ, "10.0.0.1")
    assert caller.networks == ("10.0.0.0/8",)
