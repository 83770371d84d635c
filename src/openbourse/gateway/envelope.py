"""Envelopes of the WebSocket API: what a request looks like, what is signed of it, what an answer looks like."""

import re
import time
from typing import Any, Final
from urllib.parse import parse_qsl, quote, quote_plus

import msgspec

from openbourse.edge.errors import ApiError
from openbourse.edge.operations import OrderCounts
from openbourse.edge.params import Params

ID_LENGTH_MAX: Final = 36
ID_RANGE: Final = range(-(2**63), 2**63)
PARAMETERS_MAX: Final = 64
RETURN_RATE_LIMITS: Final = "returnRateLimits"
_ENCODE: Final = msgspec.json.Encoder().encode


class OrderAllowance(msgspec.Struct, frozen=True):
    """The limits that answers name."""

    weight_per_minute: int
    orders_per_10s: int
    orders_per_day: int


class Envelope(msgspec.Struct):
    """A request as sent; the id is kept as its bytes, so that it comes back as it was."""

    id: msgspec.Raw = msgspec.Raw(b"null")
    method: str = ""
    params: dict[str, Any] | None = None


class Head(msgspec.Struct):
    """What a request begins with: enough to tell whether it is looked at."""

    id: msgspec.Raw = msgspec.Raw(b"null")
    method: str = ""


class Request(msgspec.Struct):
    """A request with its parameters as text."""

    id: bytes
    method: str
    values: dict[str, str]

    def shows_rate_limits(self, default: bool) -> bool:
        """Tell whether the answer is to carry rateLimits; the parameter is signed like any other. Raises ApiError."""
        return Params(self.values).boolean(RETURN_RATE_LIMITS, default)


class BadEnvelope(Exception):
    """A message that is no request; `id` is what can be echoed of it."""

    def __init__(self, number: bytes, refusal: ApiError) -> None:
        super().__init__(refusal.message)
        self.id = number
        self.refusal = refusal


# Floats stay the text that was sent: "0.10" is signed and read as such, and 1e-05 is refused as such.
_DECODER: Final = msgspec.json.Decoder(Envelope, float_hook=str)
_HEAD_DECODER: Final = msgspec.json.Decoder(Head)
_USUAL_HEAD: Final = re.compile(
    rb'\s*\{\s*"id"\s*:\s*("[\w.:-]{1,36}"|[1-9][0-9]{0,17}|null)\s*,\s*"method"\s*:\s*"(?:v3/)?([A-Za-z.]+)"\s*[,}]'
)
_ID_BEGINS: Final = frozenset(bytes((byte,)) for byte in b'n"-0123456789')
_ID_DECODER: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_envelope(text: str) -> Request:
    """Return the request that a message holds. Raises BadEnvelope."""
    try:
        envelope = _DECODER.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise BadEnvelope(_any_id(text), ApiError(-1135, "Invalid JSON Request")) from None
    number = bytes(envelope.id)
    if not _is_id(number):
        raise BadEnvelope(
            b"null",
            ApiError(
                -1135,
                "Invalid 'id' in JSON request; expected a 64-bit integer, a string of at most"
                f" {ID_LENGTH_MAX} characters, or null.",
            ),
        )
    if not envelope.method:
        raise BadEnvelope(
            number, ApiError(-1102, "Mandatory parameter 'method' was not sent, was empty/null, or malformed.")
        )
    sent = envelope.params or {}
    if len(sent) > PARAMETERS_MAX:
        raise BadEnvelope(
            number, ApiError(-1101, f"Too many parameters; expected '{PARAMETERS_MAX}' and received '{len(sent)}'.")
        )
    values = {name: _text(value) for name, value in sent.items() if value is not None}
    return Request(number, envelope.method.removeprefix("v3/"), values)


def read_head(message: bytes) -> tuple[bytes, bytes] | None:
    """Return id and method of a message, or None for what is no request: that is refused with what is wrong with it.

    The usual one begins with them and is read no further; nothing is said of what comes behind.
    """
    usual = _USUAL_HEAD.match(message)
    if usual is not None:
        return usual[1], usual[2]
    try:
        head = _HEAD_DECODER.decode(message)
        number = bytes(head.id)
        return (number, head.method.removeprefix("v3/").encode()) if _is_id(number) else None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def payloads(params: Params) -> list[bytes]:
    """Return what may have been signed: the sorted parameters as they are, or percent-encoded as several clients do."""
    pairs = sorted((name, value) for name, value in params.items() if name != "signature")
    plain = "&".join([f"{name}={value}" for name, value in pairs])
    found = [plain.encode(errors="surrogatepass")]
    if not plain.replace("=", "").replace("&", "").replace("_", "").replace("-", "").replace(".", "").isalnum():
        for encode in (quote_plus, _quote_all):
            encoded = "&".join([f"{encode(name)}={encode(value)}" for name, value in pairs]).encode()
            if encoded not in found:
                found.append(encoded)
    return found


def answer(number: bytes, status: int, result: object, limits: bytes) -> bytes:
    """Return a good answer."""
    body = result if isinstance(result, bytes) else _ENCODE(result)
    return b'{"id":%b,"status":%d,"result":%b%b}' % (number, status, body, limits)


def failure(number: bytes, refusal: ApiError, limits: bytes) -> bytes:
    """Return a refusal; those of rate limits say until when."""
    error: dict[str, object] = {"code": refusal.code, "msg": refusal.message}
    data = refusal.data
    wait_s = (refusal.headers or {}).get("Retry-After")
    if data is None and wait_s is not None:
        now_ms = time.time_ns() // 1_000_000
        data = {"serverTime": now_ms, "retryAfter": now_ms + int(wait_s) * 1_000}
    if data is not None:
        error["data"] = data
    return b'{"id":%b,"status":%d,"error":%b%b}' % (number, refusal.status, _ENCODE(error), limits)


def rate_limits(allowance: OrderAllowance, used: int, counts: OrderCounts | None) -> bytes:
    """Return the member rateLimits; with order counts after a new order."""
    orders = b""
    if counts is not None:
        orders = (
            b'{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":%d,"count":%d},'
            b'{"rateLimitType":"ORDERS","interval":"DAY","intervalNum":1,"limit":%d,"count":%d},'
        ) % (allowance.orders_per_10s, counts.ten_seconds, allowance.orders_per_day, counts.day)
    return (
        b',"rateLimits":[%b{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":%d,"count":%d}]'
        % (orders, allowance.weight_per_minute, used)
    )


def url_flag(query: str, name: str, default: bool) -> bool:
    """Return a flag of the URL; what is neither true nor false is the default."""
    return {"true": True, "false": False}.get(dict(parse_qsl(query)).get(name, "").lower(), default)


def _text(value: object) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
    return _ENCODE(value).decode()


def _any_id(text: str) -> bytes:
    """Return the id of a message that is no request otherwise, or null."""
    try:
        number = bytes(_ID_DECODER.decode(text).get("id", msgspec.Raw(b"null")))
    except (msgspec.DecodeError, RecursionError):
        return b"null"
    return number if _is_id(number) else b"null"


def _is_id(number: bytes) -> bool:
    # Of anything else the first byte tells, so that nothing deep is decoded.
    if number[:1] not in _ID_BEGINS:
        return False
    try:
        value = msgspec.json.decode(number)
    except msgspec.DecodeError:
        return False
    if isinstance(value, str):
        return len(value) <= ID_LENGTH_MAX
    return value is None or (isinstance(value, int) and value in ID_RANGE)


def _quote_all(value: str) -> str:
    return quote(value, safe="")
