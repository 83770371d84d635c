"""The ASGI application: operations by method and path, everything else by what is mounted behind them."""

import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import msgspec
import structlog

from openbourse.edge import auth
from openbourse.edge.errors import ApiError
from openbourse.edge.intake import IntakeFault
from openbourse.edge.key_store import KeyStore
from openbourse.edge.operations import Call, Operation, Pool, Priority, Security, TimeUnit
from openbourse.edge.outcome import unavailable
from openbourse.edge.params import Params
from openbourse.edge.ratelimit import RateLimiter

log: Final = structlog.get_logger()

JSON: Final = b"application/json;charset=UTF-8"
IN_FLIGHT_MAX: Final = {Priority.NEW_ORDER: 1_000, Priority.QUERY: 1_500, Priority.CANCEL: 2_000}
"""Calls under way in this process beyond which a kind is shed, before its signature is checked."""
PARAMETERS_MAX: Final = 64
SAPI_PER_MINUTE: Final = {Pool.SAPI_ADDRESS: 12_000, Pool.SAPI_USER: 180_000}

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
_ENCODE: Final = msgspec.json.Encoder().encode


class App:
    """Serves operations; paths that no operation has go to the application behind."""

    def __init__(
        self,
        operations: list[Operation],
        keys: KeyStore,
        limiter: RateLimiter,
        behind: Asgi | None,
        body_bytes_max: int,
        trusted_proxies: tuple[str, ...],
    ) -> None:
        self._operations = {operation.rest: operation for operation in operations if operation.rest}
        self._paths = {path for _, path in self._operations}
        self._keys = keys
        self._limiter = limiter
        self._behind = behind
        self._body_bytes_max = body_bytes_max
        self._trusted = frozenset(trusted_proxies)
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            return
        operation = self._operations.get((scope["method"], scope["path"]))
        if operation is None:
            await self._no_operation(scope, receive, send)
            return
        headers: dict[str, str] = {"x-mbx-uuid": str(uuid.uuid4())}
        try:
            if self._in_flight >= IN_FLIGHT_MAX[operation.priority]:
                raise ApiError(
                    -1008, "Server is currently overloaded with other requests. Please try again in a few minutes.", 503
                )
            self._in_flight += 1
            try:
                status, body = await self._serve(operation, scope, receive, headers)
            finally:
                self._in_flight -= 1
        except ApiError as refusal:
            status, body = refusal.status, encode_error(refusal)
            headers.update(refusal.headers or {})
        except IntakeFault as fault:
            seen = unavailable(fault)
            status, body = seen.status, encode_error(seen)
            headers.update(seen.headers or {})
        except Exception:
            log.exception("operation failed", path=scope["path"])
            status = 500
            body = encode_error(ApiError(-1000, "An unknown error occurred while processing the request."))
        await reply(send, status, JSON, body, headers)

    async def _serve(
        self, operation: Operation, scope: Scope, receive: Receive, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        received_us = time.time_ns() // 1_000
        fields: dict[bytes, bytes] = dict(scope["headers"])
        address = self._address(scope, fields)
        body = await self._read(receive, fields)
        unit = _time_unit(fields.get(b"x-mbx-time-unit"))
        params = Params(_json(body) if operation.json_body else parse(scope["query_string"], body))
        weight = operation.weight(params) if callable(operation.weight) else operation.weight
        name = address if operation.pool is Pool.API else f"sapi:{address}"
        used = self._limiter.charge(name, weight, SAPI_PER_MINUTE.get(operation.pool))
        label = "X-MBX-USED-WEIGHT-1M" if operation.pool is Pool.API else "X-SAPI-USED-IP-WEIGHT-1M"
        headers[label] = headers["X-MBX-USED-WEIGHT"] = str(used)
        call = Call(params, None, received_us, unit, address)
        if operation.security is not Security.NONE:
            await self._prove(operation, call, fields, scope["query_string"], body)
        check_names(operation, params)
        result = await operation.handler(call)
        if operation.free_on_success:
            headers[label] = headers["X-MBX-USED-WEIGHT"] = str(self._limiter.refund(name, weight))
        if call.order_counts is not None:
            headers["X-MBX-ORDER-COUNT-10S"] = str(call.order_counts.ten_seconds)
            headers["X-MBX-ORDER-COUNT-1D"] = str(call.order_counts.day)
        return call.status, result if isinstance(result, bytes) else _ENCODE(result)

    async def _prove(
        self, operation: Operation, call: Call, fields: dict[bytes, bytes], query: bytes, body: bytes
    ) -> None:
        api_key = fields.get(b"x-mbx-apikey", b"").decode("latin-1")
        key, caller = await auth.find_caller(self._keys, api_key, operation.security, call.address)
        call.caller = caller
        if operation.security is Security.KEY:
            return
        signature = call.params.text("signature")
        call.not_after_us = auth.check_time(call.params, call.received_us)
        auth.check_signature(key, [auth.rest_payload(query, body)], signature)

    async def _read(self, receive: Receive, fields: dict[bytes, bytes]) -> bytes:
        declared = fields.get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > self._body_bytes_max:
            raise ApiError(-1130, "The request's body is too large.", 413, headers={"Connection": "close"})
        body: bytes = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ApiError(-1000, "The client has left.", 400)
            body += message.get("body", b"")
            if len(body) > self._body_bytes_max:
                raise ApiError(-1130, "The request's body is too large.", 413, headers={"Connection": "close"})
            if not message.get("more_body"):
                return body

    def _address(self, scope: Scope, fields: dict[bytes, bytes]) -> str:
        peer = scope["client"][0] if scope.get("client") else ""
        if peer in self._trusted and b"x-forwarded-for" in fields:
            return fields[b"x-forwarded-for"].decode("latin-1").rsplit(",", 1)[-1].strip()
        return str(peer)

    async def _no_operation(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path in self._paths:
            await reply(send, 405, JSON, b'{"code":-1020,"msg":"This operation is not supported."}', {})
        elif self._behind is not None and not path.startswith(("/api/", "/sapi/", "/bourse/")):
            await self._behind(scope, receive, send)
        elif any(name == b"accept" and b"text/html" in value for name, value in scope["headers"]):
            await reply(send, 404, b"text/html", b"<html><body><h2>404 Not found</h2></body></html>", {})
        else:
            await reply(send, 404, JSON, b'{"code":-1000,"msg":"There is no such path."}', {})


async def reply(send: Send, status: int, media: bytes, body: bytes, headers: dict[str, str]) -> None:
    """Send a whole answer."""
    fields = [(b"content-type", media), (b"content-length", str(len(body)).encode())]
    fields += [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


def encode_error(refusal: ApiError) -> bytes:
    """Return a refusal's JSON."""
    shown: dict[str, object] = {"code": refusal.code, "msg": refusal.message}
    if refusal.data is not None:
        shown["data"] = refusal.data
    return _ENCODE(shown)


def check_names(operation: Operation, params: Params) -> None:
    """Refuse parameters that the operation does not read (-1104)."""
    unknown = sum(1 for name in params if name not in operation.parameters and name not in auth.SIGNING)
    if unknown:
        raise ApiError(
            -1104,
            f"Not all sent parameters were read; read '{len(params) - unknown}' parameter(s) but was sent '{len(params)}'.",
        )


def parse(query: bytes, body: bytes) -> dict[str, str]:
    """Return the parameters of query and form body; the query's win. Raises ApiError -1100, -1101."""
    values = _pairs(query)
    for name, value in _pairs(body).items():
        values.setdefault(name, value)
    return values


def _pairs(part: bytes) -> dict[str, str]:
    values: dict[str, str] = {}
    if not part:
        return values
    pairs = part.split(b"&")
    if len(pairs) > PARAMETERS_MAX:
        raise ApiError(-1101, f"Too many parameters; expected '{PARAMETERS_MAX}' and received '{len(pairs)}'.")
    try:
        for pair in pairs:
            if not pair:
                continue
            name, _, value = pair.partition(b"=")
            key = unquote_to_bytes(name.replace(b"+", b" ")).decode()
            if key in values:
                raise ApiError(-1101, f"Duplicate values for parameter '{key}'.")
            # A plus is a plus in a base64 signature, a space elsewhere.
            raw = value if key == "signature" else value.replace(b"+", b" ")
            values[key] = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise ApiError(-1100, "Illegal characters found in a parameter.") from None
    return values


def _json(body: bytes) -> dict[str, str]:
    try:
        decoded = msgspec.json.decode(body, type=dict[str, str | int | bool])
    except msgspec.DecodeError:
        raise ApiError(-1135, "The request's body is not a valid JSON object.") from None
    return {name: str(value) for name, value in decoded.items()}


def _time_unit(field: bytes | None) -> TimeUnit:
    match field.lower() if field else None:
        case None | b"millisecond":
            return TimeUnit.MILLISECOND
        case b"microsecond":
            return TimeUnit.MICROSECOND
    raise ApiError(-1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.")
