"""The ASGI application: operations by method and path, everything else by what is mounted behind them."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import msgspec
import structlog

from openbourse.edge import auth
from openbourse.edge.addresses import Addresses
from openbourse.edge.admission import HEADERS, Admission, Toll
from openbourse.edge.errors import ApiError, encode_error
from openbourse.edge.intake import IntakeFault
from openbourse.edge.key_store import KeyStore
from openbourse.edge.operations import Call, Operation, Priority, Security, TimeUnit
from openbourse.edge.outcome import unavailable
from openbourse.edge.params import Params
from openbourse.edge.ratelimit import RateLimiter

log: Final = structlog.get_logger()

JSON: Final = b"application/json;charset=UTF-8"
JSON_TYPES: Final = frozenset((b"application/json", b"application/*", b"*/*"))
PARAMETERS_MAX: Final = 64
_EXPECTED: Final = "openbourse.expected"
"""In the scope of a request that was counted as a new order before it began."""
BODY_S: Final = 10.0
"""How long a body may take to arrive."""
DISCARD_BYTES_MAX: Final = 8 * 1024 * 1024
DISCARD_S: Final = 2.0
"""What is still read of a body that is refused, so that the client reads the refusal and not a reset connection."""

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
        self._kinds = {
            (method.encode(), path.encode()): operation.priority
            for (method, path), operation in self._operations.items()
            if operation.priority is not Priority.CANCEL
        }
        self.admission = Admission(keys, limiter)
        self.addresses = Addresses(trusted_proxies)
        self._behind = behind
        self._body_bytes_max = body_bytes_max

    def sheds(self, method: bytes, target: bytes) -> bool:
        """Tell from a request's first line alone whether it is shed: no header, body, weight or signature is looked at."""
        kind = self._kinds.get((method, target.partition(b"?")[0]))
        return kind is not None and self.admission.sheds(kind)

    def expects(self, scope: Scope) -> None:
        """Count a new order that was taken in and has not begun: whoever is read behind it finds its place taken."""
        operation = self._operations.get((scope["method"], scope["path"]))
        if operation is not None and operation.priority is Priority.NEW_ORDER:
            scope[_EXPECTED] = True
            self.admission.expect(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope.pop(_EXPECTED, False):
            self.admission.expect(-1)
        if scope["type"] != "http":
            return
        operation = self._operations.get((scope["method"], scope["path"]))
        if operation is None:
            await self._no_operation(scope, receive, send)
            return
        toll = Toll(operation.pool)
        headers: list[tuple[bytes, bytes]] = []
        try:
            status, body = await self._serve(operation, scope, receive, toll, headers)
        except ApiError as refusal:
            status, body = refusal.status, encode_error(refusal)
            headers += _encoded(refusal.headers)
        except (IntakeFault, OSError) as fault:
            if isinstance(fault, OSError):
                log.warning("operation failed", path=scope["path"], why=str(fault))
            seen = unavailable(fault)
            status, body = seen.status, encode_error(seen)
            headers += _encoded(seen.headers)
        except Exception:
            # Whatever is wrong inside is for our log, not for the client.
            log.exception("operation failed", path=scope["path"])
            status = 500
            body = encode_error(ApiError(-1000, "An unknown error occurred while processing the request."))
        used = str(toll.used).encode()
        headers += [(name.encode(), used) for name in HEADERS[operation.pool]]
        headers.append((b"x-mbx-uuid", str(uuid.uuid4()).encode()))
        await reply(send, status, JSON, body, headers)

    async def _serve(
        self,
        operation: Operation,
        scope: Scope,
        receive: Receive,
        toll: Toll,
        headers: list[tuple[bytes, bytes]],
    ) -> tuple[int, bytes]:
        received_us = time.time_ns() // 1_000
        fields: dict[bytes, bytes] = dict(scope["headers"])
        peer = scope["client"][0] if scope.get("client") else ""
        address = self.addresses.client(peer, fields.get(b"x-forwarded-for", b"").decode("latin-1"))
        await self.admission.enter(operation, address, fields.get(b"x-mbx-apikey", b"").decode("latin-1"))
        try:
            body = await self._read(receive, fields) if _has_body(fields) else b""
            if scope["method"] == "GET":
                # A GET's parameters are its query's; what else comes is neither read nor part of what was signed.
                body = b""
            unit = _time_unit(fields.get(b"x-mbx-time-unit"))
            query: bytes = scope["query_string"]
            params = Params(_json(body) if operation.json_body else parse(query, body))
            self.admission.charge(operation, params, address, toll)
            if operation.confidential and query:
                _check_query(operation, query)
            if fields.get(b"accept", b"*/*") not in JSON_TYPES:
                _check_accept(scope)
            agent, cookies = fields.get(b"user-agent", b""), fields.get(b"cookie", b"")
            call = Call(params, None, received_us, unit, address, agent=agent, cookies=cookies)
            if operation.security is not Security.NONE:
                await self._prove(operation, call, fields, query, body)
            result = await self.admission.perform(operation, call, toll)
        finally:
            self.admission.leave(operation)
        if call.set_cookie:
            headers.append((b"set-cookie", call.set_cookie.encode()))
        if call.order_counts is not None:
            headers.append((b"x-mbx-order-count-10s", str(call.order_counts.ten_seconds).encode()))
            headers.append((b"x-mbx-order-count-1d", str(call.order_counts.day).encode()))
        return call.status, result if isinstance(result, bytes) else _ENCODE(result)

    async def _prove(
        self, operation: Operation, call: Call, fields: dict[bytes, bytes], query: bytes, body: bytes
    ) -> None:
        api_key = fields.get(b"x-mbx-apikey", b"").decode("latin-1")
        key, call.caller = await auth.find_caller(self.admission.keys, api_key, operation.security, call.address)
        if operation.security is Security.KEY:
            return
        call.params.text("timestamp")
        signature = call.params.text("signature")
        call.not_after_us = auth.check_time(call.params, call.received_us)
        auth.check_signature(key, [auth.rest_payload(query, body)], signature)

    async def _read(self, receive: Receive, fields: dict[bytes, bytes]) -> bytes:
        declared = fields.get(b"content-length", b"0")
        size_max = self._body_bytes_max
        try:
            if not declared.isdigit() or int(declared) > size_max:
                if b"expect" not in fields:
                    await _discard(receive)
                raise _too_large()
            body: bytes = b""
            async with asyncio.timeout(BODY_S):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ApiError(-1000, "The client has left.", 400)
                    body += message.get("body", b"")
                    if len(body) > size_max:
                        break
                    if not message.get("more_body"):
                        return body
            await _discard(receive)
        except TimeoutError:
            raise ApiError(
                -1000, "The request's body did not arrive in time.", 408, headers={"Connection": "close"}
            ) from None
        raise _too_large()

    async def _no_operation(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path in self._paths:
            await reply(send, 405, JSON, b'{"code":-1020,"msg":"This operation is not supported."}', [])
        elif self._behind is not None and not path.startswith(("/api/", "/sapi/", "/bourse/")):
            await self._behind(scope, receive, send)
        elif any(name == b"accept" and b"text/html" in value for name, value in scope["headers"]):
            await reply(send, 404, b"text/html", b"<html><body><h2>404 Not found</h2></body></html>", [])
        else:
            await reply(send, 404, JSON, b'{"code":-1000,"msg":"There is no such path."}', [])


async def reply(send: Send, status: int, media: bytes, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    """Send a whole answer."""
    fields = [(b"content-type", media), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


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


def _check_query(operation: Operation, query: bytes) -> None:
    """Refuse what nobody else may read where others write it down. Raises ApiError -1130."""
    for name in _pairs(query).keys() & operation.confidential:
        raise ApiError(-1130, f"Parameter '{name}' must be sent in the request's body, never in its query.")


def _json(body: bytes) -> dict[str, str]:
    try:
        decoded = msgspec.json.decode(body, type=dict[str, str | int | bool])
    except msgspec.DecodeError:
        raise ApiError(-1135, "The request's body is not a valid JSON object.") from None
    return {name: str(value) for name, value in decoded.items()}


def _check_accept(scope: Scope) -> None:
    """Refuse who takes SBE and no JSON: answers have one form. Raises ApiError -1155."""
    types = {
        kind.split(b";")[0].strip().lower()
        for name, value in scope["headers"]
        if name == b"accept"
        for kind in value.split(b",")
    }
    if b"application/sbe" in types and types.isdisjoint(JSON_TYPES):
        raise ApiError(-1155, "SBE is not enabled.", 406)


def _time_unit(field: bytes | None) -> TimeUnit:
    match field.lower() if field else None:
        case None | b"millisecond":
            return TimeUnit.MILLISECOND
        case b"microsecond":
            return TimeUnit.MICROSECOND
    raise ApiError(-1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.")


def _encoded(headers: dict[str, str] | None) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]


def _has_body(fields: dict[bytes, bytes]) -> bool:
    return fields.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in fields


def _too_large() -> ApiError:
    return ApiError(-1130, "The request's body is too large.", 413, headers={"Connection": "close"})


async def _discard(receive: Receive) -> None:
    """Read and forget what still comes, within bounds."""
    seen = 0
    try:
        async with asyncio.timeout(DISCARD_S):
            while seen < DISCARD_BYTES_MAX:
                message = await receive()
                seen += len(message.get("body", b""))
                if not message.get("more_body"):
                    return
    except TimeoutError:
        return
