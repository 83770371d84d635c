"""Sockets of market streams: names in the path, SUBSCRIBE and its kin, the legacy user stream by listen key."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final, Protocol
from urllib.parse import unquote

import msgspec

from openbourse.edge.errors import ApiError
from openbourse.edge.frames import frame
from openbourse.edge.sockets import Socket, UserStreams
from openbourse.streams.hub import Hub
from openbourse.streams.names import parse

MESSAGES_PER_SECOND_MAX: Final = 5
STREAMS_MAX: Final = 1_024
NAME_LENGTH_MAX: Final = 128
ID_LENGTH_MAX: Final = 36
LISTEN_KEY_LENGTH: Final = 64
LOOK_EVERY_S: Final = 10
"""How often a followed listen key is looked for: so long may its stream outlive it."""
INT64: Final = range(-(2**63), 2**63)
_LEFT: Final = object()
_ENCODE: Final = msgspec.json.Encoder().encode


class ListenKeys(Protocol):
    """Accounts by listen key."""

    async def account(self, listen_key: str) -> int | None:
        """Return whose events a key stands for, or None; OSError when nobody can tell now."""
        ...


class Session:
    """One socket's subscriptions."""

    def __init__(self, socket: Socket, is_combined: bool) -> None:
        self.socket = socket
        self.unit = int(socket.time_unit)
        self.is_combined = is_combined
        self.names: dict[str, object] = {}
        """Name to the handle of its user stream, or None."""

    def send(self, frames: bytes) -> bool:
        """Send frames as they are."""
        return self.socket.send(frames)


class _Invalid(Exception):
    """A request that gets an error with a code of the stream's own."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class MarketSockets:
    """Serves /ws and /stream. Fits edge.sockets.SocketHandler."""

    def __init__(
        self, hub: Hub, users: UserStreams, listen_keys: ListenKeys, look_every_s: float = LOOK_EVERY_S
    ) -> None:
        self._hub = hub
        self._users = users
        self._listen_keys = listen_keys
        self._look_every_s = look_every_s
        self._tasks: set[asyncio.Task[None]] = set()

    def opened(self, socket: Socket, path: str, query: str) -> None:
        """Subscribe to what path and query name."""
        head, _, rest = path.lstrip("/").partition("/")
        socket.messages_per_second_max = MESSAGES_PER_SECOND_MAX
        session = socket.state = Session(socket, is_combined=head == "stream")
        names = [name for name in rest.split("/") if name]
        names += [name for name in _streams(query).split("/") if name]
        if len(names) > STREAMS_MAX:
            raise ApiError(-1130, "too many streams")
        for name in names:
            self._join(session, unquote(name))

    def received(self, socket: Socket, text: str) -> None:
        """Answer a request."""
        number: object = None
        try:
            request = _read(text)
            number = request.get("id")
            answer = {"result": self._perform(socket.state, request), "id": number}
        except _Invalid as fault:
            answer = {"error": {"code": fault.code, "msg": str(fault)}, "id": number}
        socket.send(frame(_ENCODE(answer)))

    def closed(self, socket: Socket) -> None:
        """End every subscription."""
        session = socket.state
        if session is not None:
            for name in list(session.names):
                self._leave(session, name)

    def stopping(self, socket: Socket) -> None:
        """Announce the close."""
        session = socket.state
        event: object = {"e": "serverShutdown", "E": time.time_ns() // 1_000 // session.unit}
        if session.is_combined:
            event = {"stream": "!serverShutdown", "data": event}
        socket.send(frame(_ENCODE(event)))

    def _perform(self, session: Session, request: dict[str, Any]) -> object:
        match request.get("method"):
            case "SUBSCRIBE":
                names = _names(request)
                if len(session.names.keys() | set(names)) > STREAMS_MAX:
                    raise _Invalid(2, f"Invalid request: a connection may have {STREAMS_MAX} streams")
                for name in names:
                    self._join(session, name)
                return None
            case "UNSUBSCRIBE":
                for name in _names(request):
                    self._leave(session, name)
                return None
            case "LIST_SUBSCRIPTIONS":
                return list(session.names)
            case "SET_PROPERTY":
                self._set(session, request.get("params"))
                return None
            case "GET_PROPERTY":
                _check_property(request.get("params"), 1)
                return session.is_combined
            case other:
                raise _Invalid(2, f"Invalid request: unknown variant `{str(other)[:32]}`")

    def _set(self, session: Session, params: object) -> None:
        value = _check_property(params, 2)
        if not isinstance(value, bool):
            raise _Invalid(1, "Invalid value type: expected Boolean")
        session.is_combined = value

    def _join(self, session: Session, name: str) -> None:
        if name in session.names:
            return
        session.names[name] = None
        topic = parse(name)
        if topic is not None:
            self._hub.join(session, name, topic)
        elif len(name) == LISTEN_KEY_LENGTH and name.isalnum():
            task = asyncio.create_task(self._follow_user(session, name))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _leave(self, session: Session, name: str) -> None:
        handle = session.names.pop(name, None)
        if handle is not None:
            self._users.unsubscribe(handle)
        self._hub.leave(session, name)

    async def _follow_user(self, session: Session, name: str) -> None:
        account = await self._listen_keys.account(name)
        # Not None when the name was left meanwhile, or left and joined again and the other task was faster.
        if account is None or session.names.get(name, _LEFT) is not None or not session.socket.is_open:
            return
        emit = _emitter(session, name)
        handle = session.names[name] = self._users.subscribe(session.socket, account, emit)
        # The handle tells this subscription from one that a client who left and came back has by now.
        while session.names.get(name) is handle and session.socket.is_open:
            await asyncio.sleep(self._look_every_s)
            if await self._is_gone(name) and session.names.get(name) is handle:
                self._leave(session, name)
                event = {"e": "listenKeyExpired", "E": time.time_ns() // 1_000 // session.unit, "listenKey": name}
                emit(_ENCODE(event))

    async def _is_gone(self, name: str) -> bool:
        try:
            # Closed by its owner or expired is the same here: the store knows only that a key is no more.
            return await self._listen_keys.account(name) is None
        except OSError:
            # An outage of the store must not end streams whose keys may well be alive.
            return False


def _streams(query: str) -> str:
    """Return the parameter `streams` as it was sent. A plus stays one: it is part of a time zone, and no name has a blank."""
    fields = (field.partition("=") for field in query.split("&"))
    return unquote({unquote(name): value for name, _, value in fields}.get("streams", ""))


def _emitter(session: Session, name: str) -> Callable[[bytes], None]:
    def emit(event: bytes) -> None:
        if session.is_combined:
            event = b'{"stream":"' + name.encode() + b'","data":' + event + b"}"
        session.send(frame(event))

    return emit


def _read(text: str) -> dict[str, Any]:
    try:
        request = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as fault:
        raise _Invalid(3, f"Invalid JSON: {fault}") from None
    if not isinstance(request, dict) or "method" not in request:
        raise _Invalid(2, "Invalid request: missing field `method`")
    number = request.get("id")
    is_id = number is None or (isinstance(number, str) and len(number) <= ID_LENGTH_MAX)
    if not is_id and not (isinstance(number, int) and not isinstance(number, bool) and number in INT64):
        request["id"] = None
        raise _Invalid(2, "Invalid request: request ID must be an integer, a string of at most 36 characters or null")
    return request


def _names(request: dict[str, Any]) -> list[str]:
    params = request.get("params")
    if not isinstance(params, list) or not all(isinstance(name, str) for name in params):
        raise _Invalid(2, "Invalid request: params must be a list of stream names")
    if len(params) > STREAMS_MAX or any(len(name) > NAME_LENGTH_MAX for name in params):
        raise _Invalid(2, "Invalid request: too many parameters")
    return params


def _check_property(params: object, count: int) -> object:
    if not isinstance(params, list) or len(params) != count:
        raise _Invalid(2, f"Invalid request: expected {count} parameters")
    if params[0] != "combined":
        raise _Invalid(0, "Unknown property")
    return params[-1]
