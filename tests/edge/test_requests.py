"""Requests are read strictly, proven over their raw bytes, and limited."""

import base64
import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from openbourse.edge import auth
from openbourse.edge.app import parse
from openbourse.edge.errors import ApiError
from openbourse.edge.key_store import ApiKey
from openbourse.edge.params import Params
from openbourse.edge.ratelimit import RateLimiter

NOW_US = 1_700_000_000_000_000
# The worked example of Binance's REST documentation.
SECRET = b"NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
EXAMPLE = (
    b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
)
SIGNED = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"


def key(kind: str, secret: bytes) -> ApiKey:
    return ApiKey("k" * 64, 1_000, 1_000, kind, secret, frozenset({"READ", "TRADE"}))


def code_of(work: object, *values: object) -> int:
    assert callable(work)
    with pytest.raises(ApiError) as raised:
        work(*values)
    return raised.value.code


def test_the_documented_example_is_accepted_wherever_its_parts_are_sent() -> None:
    query, body = EXAMPLE[:40], EXAMPLE[40:]
    for first, second in ((EXAMPLE, b""), (b"", EXAMPLE), (query, body)):
        auth.check_signature(key("HMAC", SECRET), [auth.rest_payload(first, second)], SIGNED.upper())
    with_signature = EXAMPLE + b"&signature=" + SIGNED.encode()
    assert auth.rest_payload(with_signature, b"") == EXAMPLE


def test_a_changed_byte_is_refused() -> None:
    for payload in (EXAMPLE + b"0", EXAMPLE.replace(b"BUY", b"SELL")):
        assert code_of(auth.check_signature, key("HMAC", SECRET), [payload], SIGNED) == -1022
    assert code_of(auth.check_signature, key("HMAC", SECRET), [EXAMPLE], "") == -1022


def test_ed25519_signatures_are_accepted_and_forgeries_are_not() -> None:
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signature = base64.b64encode(private.sign(EXAMPLE)).decode()
    auth.check_signature(key("ED25519", public), [EXAMPLE], signature)
    assert code_of(auth.check_signature, key("ED25519", public), [EXAMPLE + b"x"], signature) == -1022
    forged = hmac.new(public, EXAMPLE, hashlib.sha256).hexdigest()
    assert code_of(auth.check_signature, key("ED25519", public), [EXAMPLE], forged) == -1022


@pytest.mark.parametrize(
    ("shift_ms", "window", "code"),
    [
        (0, None, 0),
        (-4_999, None, 0),
        (-5_001, None, -1021),
        (1_000, None, -1021),
        (-9_000, "10000", 0),
        (0, "60001", -1131),
        (0, "x", -1100),
    ],
)
def test_timestamps_hold_within_their_window(shift_ms: int, window: str | None, code: int) -> None:
    values = {"timestamp": str(NOW_US // 1_000 + shift_ms)}
    if window is not None:
        values["recvWindow"] = window
    if code:
        assert code_of(auth.check_time, Params(values), NOW_US) == code
    else:
        assert auth.check_time(Params(values), NOW_US) > NOW_US
        micro = values | {"timestamp": str(NOW_US + shift_ms * 1_000)}
        assert auth.check_time(Params(micro), NOW_US) == auth.check_time(Params(values), NOW_US)


def test_query_wins_over_body_and_repetition_is_refused() -> None:
    assert parse(b"a=1&b=%20", b"a=2&c=3") == {"a": "1", "b": " ", "c": "3"}
    assert code_of(parse, b"a=1&a=2", b"") == -1101
    assert code_of(parse, b"a=%ff", b"") == -1100
    assert code_of(parse, b"&".join(b"a%d=1" % n for n in range(100)), b"") == -1101


def test_weight_beyond_the_limit_is_refused_with_a_time_to_wait() -> None:
    limiter = RateLimiter(10, None)
    assert limiter.charge("1.2.3.4", 9) == 9
    assert limiter.refund("1.2.3.4", 4) == 5
    assert limiter.charge("other", 10) == 10
    with pytest.raises(ApiError) as raised:
        limiter.charge("1.2.3.4", 6)
    assert (raised.value.code, raised.value.status) == (-1003, 429)
    assert 1 <= int((raised.value.headers or {})["Retry-After"]) <= 60
