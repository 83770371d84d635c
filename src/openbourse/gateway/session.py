"""The WebSocket API at /ws-api/v3: envelopes in, operations run, answers out as they finish."""

import asyncio
import time
from collections import deque
from typing import Final

import structlog

from openbourse.edge import auth
from openbourse.edge.addresses import limited_as
from openbourse.edge.admission import Admission, Toll, overloaded
from openbourse.edge.errors import ApiError, encode_error
from openbourse.edge.frames import frame
from openbourse.edge.intake import IntakeFault
from openbourse.edge.operations import Call, Operation, Pool, Priority, Security
from openbourse.edge.outcome import unavailable
from openbourse.edge.params import Params
from openbourse.edge.sockets import Socket, UserStreams
from openbourse.gateway.envelope import (
    BadEnvelope,
    OrderAllowance,
    answer,
    failure,
    payloads,
    rate_limits,
    read_envelope,
    read_head,
    url_flag,
)
from openbourse.gateway.logon import Logon
from openbourse.gateway.subscriptions import Subscriptions

log: Final = structlog.get_logger()

IN_FLIGHT_MAX: Final = 64
"""Requests of one socket under way; what comes meanwhile waits unread."""
_SHED: Final = encode_error(overloaded())
CONNECT_WEIGHT: Final = 2
SESSION_WEIGHT: Final = 2


class SocketApi:
    """Serves every operation that has a socket name; fits edge.sockets.SocketHandler."""

    def __init__(
        self,
        operations: list[Operation],
        admission: Admission,
        user_streams: UserStreams | None,
        allowance: OrderAllowance,
    ) -> None:
        self.operations = {operation.socket: operation for operation in operations if operation.socket}
        self.kinds = {name.encode(): operation.priority for name, operation in self.operations.items()}
        self.admission = admission
        self.user_streams = user_streams
        self.allowance = allowance
        self.sessions = 0

    def opened(self, socket: Socket, path: str, query: str) -> None:
        """Begin a session. Raises ApiError when the address has used its weight."""
        self.sessions += 1
        self.admission.limiter.admit(socket.address)
        self.admission.limiter.charge(limited_as(socket.address), CONNECT_WEIGHT, address=socket.address)
        session = socket.state = Session(self, socket, url_flag(query, "returnRateLimits", True))
        socket.sheds = session.shed

    def received(self, socket: Socket, text: str) -> None:
        """Take a request."""
        if isinstance(socket.state, Session):
            socket.state.take(text)

    def closed(self, socket: Socket) -> None:
        """End the session; what is under way goes on, its answer goes nowhere."""
        self.sessions -= 1
        if isinstance(socket.state, Session):
            socket.state.end()

    def stopping(self, socket: Socket) -> None:
        """Announce the close."""
        now = time.time_ns() // 1_000 // socket.time_unit
        socket.send(frame(b'{"event":{"e":"serverShutdown","E":%d}}' % now))


class Session:
    """One socket: who is logged on, what is under way, what is subscribed to."""

    def __init__(self, api: SocketApi, socket: Socket, returns_rate_limits: bool) -> None:
        self._api = api
        self._socket = socket
        self._returns_rate_limits = returns_rate_limits
        self._logon = Logon(api.admission.keys, socket, returns_rate_limits)
        self._subscriptions = Subscriptions(socket, api.user_streams, api.admission.keys)
        self._waiting: deque[str] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_paused = False
        own = {
            "session.logon": Operation(handler=self._logon.log_on, weight=SESSION_WEIGHT),
            "session.status": Operation(handler=self._status, weight=SESSION_WEIGHT),
            "session.logout": Operation(handler=self._log_out, weight=SESSION_WEIGHT),
            "session.subscriptions": Operation(handler=self._subscriptions.show, weight=SESSION_WEIGHT),
            "userDataStream.unsubscribe": Operation(
                handler=self._subscriptions.unsubscribe,
                weight=SESSION_WEIGHT,
                parameters=frozenset({"subscriptionId"}),
            ),
        }
        if api.user_streams is not None:
            own["userDataStream.subscribe"] = Operation(handler=self._subscribe, weight=SESSION_WEIGHT)
            own["userDataStream.subscribe.signature"] = Operation(
                handler=self._subscribe_signed, weight=SESSION_WEIGHT, security=Security.READ
            )
        self._own = own

    def take(self, text: str) -> None:
        """Start a request, or let it wait for one under way to end."""
        if len(self._tasks) >= IN_FLIGHT_MAX:
            self._waiting.append(text)
            if not self._is_paused:
                self._is_paused = True
                self._socket.pause()
            return
        self._api.admission.expect(1)
        task = asyncio.get_running_loop().create_task(self._serve(text))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def shed(self, message: bytes) -> bytes | None:
        """Refuse a message by its method, unless it goes before others: parameters and signature are not looked at."""
        admission = self._api.admission
        if not admission.is_full(Priority.NEW_ORDER):
            return None
        head = read_head(message)
        if head is None:
            return None
        number, method = head
        kind = self._api.kinds.get(method)
        if kind is None or not admission.sheds(kind):
            return None
        limits = self._limits(self._returns_rate_limits, None, None)
        return frame(b'{"id":%b,"status":503,"error":%b%b}' % (number, _SHED, limits))

    def end(self) -> None:
        """Forget everything that belongs to the socket."""
        self._waiting.clear()
        self._subscriptions.end()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._waiting:
            self.take(self._waiting.popleft())
        elif self._is_paused:
            self._is_paused = False
            self._socket.resume()

    async def _serve(self, text: str) -> None:
        self._api.admission.expect(-1)
        try:
            request = read_envelope(text)
        except BadEnvelope as bad:
            limits = self._limits(self._returns_rate_limits, None, Toll(Pool.API))
            self._socket.send(frame(failure(bad.id, bad.refusal, limits)))
            return
        shows = self._returns_rate_limits
        toll = Toll(Pool.API)
        call: Call | None = None
        try:
            shows = request.shows_rate_limits(shows)
            operation = self._own.get(request.method) or self._api.operations.get(request.method)
            if operation is None:
                raise ApiError(-1020, "This operation is not supported.")
            call = Call(
                Params(request.values),
                None,
                time.time_ns() // 1_000,
                self._socket.time_unit,
                self._socket.address,
                over_socket=True,
            )
            result = await self._run(operation, call, toll)
            reply = answer(request.id, call.status, result, self._limits(shows, call, toll))
        except ApiError as refusal:
            number = b"null" if refusal is self._logon.lost else request.id
            reply = failure(number, refusal, self._limits(shows, call, toll))
        except (IntakeFault, OSError) as fault:
            reply = failure(request.id, unavailable(fault), self._limits(shows, call, toll))
        except Exception:
            # Whatever is wrong inside is for our log, not for the client.
            log.exception("operation failed", method=request.method)
            unknown = ApiError(-1000, "An unknown error occurred while processing the request.", 500)
            reply = failure(request.id, unknown, self._limits(shows, call, toll))
        self._socket.send(frame(reply))
        # A subscription's first event comes after the answer that names the subscription.
        self._subscriptions.release()

    async def _run(self, operation: Operation, call: Call, toll: Toll) -> object:
        admission = self._api.admission
        await admission.enter(operation, call.address, call.params.get("apiKey") or self._logon.api_key or "")
        try:
            admission.charge(operation, call.params, call.address, toll)
            if operation.security is not Security.NONE:
                await self._prove(operation, call)
            return await admission.perform(operation, call, toll)
        finally:
            admission.leave(operation)

    async def _prove(self, operation: Operation, call: Call) -> None:
        """Prove the call by its own key and signature, or else by the session's logon."""
        params = call.params
        if "apiKey" not in params and self._logon.api_key is not None:
            key, call.caller = await self._logon.find(operation.security)
            is_signed = "signature" in params
        else:
            api_key = params.text("apiKey")
            key, call.caller = await auth.find_caller(
                self._api.admission.keys, api_key, operation.security, call.address
            )
            is_signed = True
        if operation.security is Security.KEY:
            return
        params.text("timestamp")
        signature = params.text("signature") if is_signed else ""
        call.not_after_us = auth.check_time(params, call.received_us)
        if is_signed:
            auth.check_signature(key, payloads(params), signature)

    def _limits(self, shows: bool, call: Call | None, toll: Toll | None) -> bytes:
        if not shows:
            return b""
        used = (0 if toll is None else toll.used) or self._api.admission.limiter.used(limited_as(self._socket.address))
        counts = None if call is None else call.order_counts
        return rate_limits(self._api.allowance, used, counts)

    async def _status(self, call: Call) -> object:
        return self._logon.shown(call, bool(self._subscriptions))

    async def _log_out(self, call: Call) -> object:
        self._logon.forget()
        self._subscriptions.log_out()
        return self._logon.shown(call, bool(self._subscriptions))

    async def _subscribe(self, call: Call) -> object:
        _, caller = await self._logon.find(Security.READ)
        return self._subscriptions.subscribe(caller, is_by_logon=True)

    async def _subscribe_signed(self, call: Call) -> object:
        assert call.caller is not None, "a signed call has a caller"
        by_logon = "apiKey" not in call.params
        return self._subscriptions.subscribe(call.caller, is_by_logon=by_logon)
