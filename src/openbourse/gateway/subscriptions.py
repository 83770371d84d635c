"""User data streams that one session of the WebSocket API has subscribed to."""

import asyncio
import time
from typing import Final

import msgspec
import structlog

from openbourse.edge.errors import ApiError
from openbourse.edge.frames import frame
from openbourse.edge.key_store import KeyStore
from openbourse.edge.operations import Call, Caller
from openbourse.edge.sockets import Socket, UserStreams

log: Final = structlog.get_logger()

IDS_MAX: Final = 65_535
KEY_CHECK_S: Final = 10.0
"""How often a subscription's key is looked up again: a removed key must not go on hearing of an account."""
HELD_BACK_MAX: Final = 1_000


class _Subscription(msgspec.Struct):
    number: int
    account: int
    api_key: str
    is_by_logon: bool
    handle: object = None
    held_back: list[bytes] | None = None
    """Events that came before the answer that names the subscription; None once it is out."""


class Subscriptions:
    """The subscriptions of one socket."""

    def __init__(self, socket: Socket, streams: UserStreams | None, keys: KeyStore) -> None:
        self._socket = socket
        self._streams = streams
        self._keys = keys
        self._active: dict[int, _Subscription] = {}
        self._next = 0
        self._watch: asyncio.Task[None] | None = None

    def __bool__(self) -> bool:
        return bool(self._active)

    def subscribe(self, caller: Caller, is_by_logon: bool) -> object:
        """Begin a subscription; its events wait for `release`. Raises ApiError -2035, -2042."""
        assert self._streams is not None, "nothing to subscribe to is offered"
        if any(active.account == caller.account for active in self._active.values()):
            raise ApiError(-2035, "User Data Stream subscription already active.")
        if self._next > IDS_MAX:
            raise ApiError(-2042, "User Data Stream subscription limit reached on this connection.")
        number, self._next = self._next, self._next + 1
        subscription = _Subscription(number, caller.account, caller.api_key, is_by_logon, held_back=[])
        self._active[number] = subscription
        subscription.handle = self._streams.subscribe(
            self._socket, caller.account, lambda event: self._emit(subscription, event)
        )
        if self._watch is None:
            self._watch = asyncio.get_running_loop().create_task(self._watch_keys())
        return {"subscriptionId": number}

    def release(self) -> None:
        """Let events out that waited for their answer."""
        for subscription in self._active.values():
            if subscription.held_back is not None:
                events, subscription.held_back = subscription.held_back, None
                for event in events:
                    self._emit(subscription, event)

    async def show(self, call: Call) -> object:
        """List the subscriptions."""
        return [{"subscriptionId": number} for number in self._active]

    async def unsubscribe(self, call: Call) -> object:
        """End one subscription, or all. Raises ApiError -2036."""
        if "subscriptionId" not in call.params:
            numbers = list(self._active)
        else:
            numbers = [call.params.integer("subscriptionId")]
        if not numbers or not all(number in self._active for number in numbers):
            raise ApiError(-2036, "User Data Stream subscription not active.")
        for number in numbers:
            self._stop(number)
        return {}

    def log_out(self) -> None:
        """End what the logon had begun."""
        for number in [active.number for active in self._active.values() if active.is_by_logon]:
            self._stop(number)

    def end(self) -> None:
        """End all, silently: the socket is gone."""
        if self._watch is not None:
            self._watch.cancel()
        for subscription in self._active.values():
            if self._streams is not None:
                self._streams.unsubscribe(subscription.handle)
        self._active.clear()

    def _emit(self, subscription: _Subscription, event: bytes) -> None:
        if subscription.held_back is not None:
            if len(subscription.held_back) < HELD_BACK_MAX:
                subscription.held_back.append(event)
            else:
                self._socket.close(1008, "slow reader")
            return
        self._socket.send(frame(b'{"subscriptionId":%d,"event":%b}' % (subscription.number, event)))

    def _stop(self, number: int) -> None:
        subscription = self._active.pop(number)
        assert self._streams is not None, "a subscription has a stream"
        self._streams.unsubscribe(subscription.handle)
        now = time.time_ns() // 1_000 // self._socket.time_unit
        subscription.held_back = None
        # Behind the answer to the request that ends it.
        asyncio.get_running_loop().call_soon(self._emit, subscription, b'{"e":"eventStreamTerminated","E":%d}' % now)

    async def _watch_keys(self) -> None:
        while True:
            await asyncio.sleep(KEY_CHECK_S)
            for subscription in list(self._active.values()):
                try:
                    is_known = await self._keys.find(subscription.api_key) is not None
                except OSError as fault:
                    log.info("a key could not be looked up", why=str(fault))
                    continue
                if not is_known and subscription.number in self._active:
                    self._stop(subscription.number)
