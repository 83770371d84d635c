"""One account's connection to the WebSocket API: signed requests, answers by id, connected again when lost."""

import asyncio
import hashlib
import hmac
import itertools
import json
import time
from typing import Any, Final

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

log: Final = structlog.get_logger()

ANSWER_S: Final = 10.0
BACKOFF_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0)


class Refused(Exception):
    """The venue said no."""

    def __init__(self, code: int, message: str, status: int, retry_after_s: float = 0.0) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.status = status
        self.retry_after_s = retry_after_s


class Away(Exception):
    """The venue cannot be reached now, or did not answer."""


class Client:
    """Requests of one account; `run` keeps it connected."""

    def __init__(self, url: str, api_key: str = "", secret: str = "") -> None:
        self._url = url
        self._api_key = api_key
        self._secret = secret.encode()
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._connection: ClientConnection | None = None
        self._connected = asyncio.Event()

    async def run(self) -> None:
        """Stay connected, for ever."""
        attempt = 0
        while True:
            try:
                async with connect(self._url, max_size=2**24, open_timeout=5) as connection:
                    attempt = 0
                    self._connection = connection
                    self._connected.set()
                    async for text in connection:
                        self._take(json.loads(text))
            except (OSError, ConnectionClosed, InvalidHandshake, TimeoutError) as fault:
                log.info("not connected", why=str(fault))
            finally:
                self._connection = None
                self._connected.clear()
                self._give_up()
            await asyncio.sleep(BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)])
            attempt += 1

    async def connected(self) -> None:
        """Return once there is a connection."""
        await self._connected.wait()

    async def public(self, method: str, **params: object) -> Any:
        """Ask for something that needs no key. Raises Refused, Away."""
        return await self._ask(method, params)

    async def signed(self, method: str, **params: object) -> Any:
        """Ask in the account's name. Raises Refused, Away."""
        params = {**params, "apiKey": self._api_key, "timestamp": time.time_ns() // 1_000_000}
        payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
        params["signature"] = hmac.new(self._secret, payload.encode(), hashlib.sha256).hexdigest()
        return await self._ask(method, params)

    async def _ask(self, method: str, params: dict[str, object]) -> Any:
        connection = self._connection
        if connection is None:
            raise Away("not connected")
        number = next(self._ids)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(ANSWER_S):
                await connection.send(json.dumps({"id": number, "method": method, "params": params}))
                return await future
        except (TimeoutError, ConnectionClosed) as fault:
            raise Away(f"no answer to {method}") from fault
        finally:
            del self._waiting[number]

    def _take(self, answer: Any) -> None:
        future = self._waiting.get(answer.get("id"))
        if future is None or future.done():
            return
        if answer.get("status") == 200:
            future.set_result(answer.get("result"))
            return
        error = answer.get("error", {})
        retry_at_ms = (error.get("data") or {}).get("retryAfter", 0)
        wait_s = max(0.0, retry_at_ms / 1_000 - time.time()) if retry_at_ms else 0.0
        future.set_exception(Refused(error.get("code", 0), error.get("msg", ""), answer.get("status", 0), wait_s))

    def _give_up(self) -> None:
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(Away("the connection was lost"))
