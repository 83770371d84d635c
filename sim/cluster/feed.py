"""A simulated Valkey: the few commands that the feed's adapters use, over the simulated network; it may lose anything."""

import asyncio
from collections.abc import Callable
from typing import Any

from redis.exceptions import ResponseError

from sim.cluster.hosts import Host, Site
from sim.cluster.network import Network, Stream
from sim.cluster.world import World

Fields = dict[bytes, bytes]


class ValkeyServer:
    """Streams and keys in memory."""

    def __init__(self, world: World, network: Network, site: Site) -> None:
        self.world = world
        self.network = network
        self.site = site
        self.is_up = True
        self.is_frozen = False
        self.is_forgetful = False
        """It says yes to new entries and keeps none, as one does that fails over to a replica that never got them."""
        self.streams: dict[str, list[tuple[int, Fields]]] = {}
        self.keys: dict[str, bytes] = {}
        self.clients: dict[SimulatedValkey, None] = {}
        self._frozen: list[Callable[[], None]] = []
        self._blocked: list[Callable[[], None]] = []

    def stop(self) -> None:
        """End the process: everything is forgotten, connections are reset."""
        self.is_up = False
        self.streams, self.keys = {}, {}
        self.reset()

    def reset(self) -> None:
        """Reset all connections; what was asked may have been done."""
        for client in list(self.clients):
            client.lose()

    def thaw(self) -> None:
        """Go on after a freeze."""
        self.is_frozen = False
        frozen, self._frozen = self._frozen, []
        for call in frozen:
            call()

    def take(self, call: Callable[[], None]) -> None:
        """Take a request in."""
        if self.is_frozen:
            self._frozen.append(call)
        else:
            call()

    def add(self, stream: str, number: int, fields: Fields) -> None:
        """Append an entry. Raises ResponseError unless its id is above the top's."""
        entries = self.streams.setdefault(stream, [])
        if entries and entries[-1][0] >= number:
            raise ResponseError("The ID specified in XADD is equal or smaller than the target stream top item")
        if self.is_forgetful:
            return
        entries.append((number, fields))
        blocked, self._blocked = self._blocked, []
        for call in blocked:
            call()

    def after(self, stream: str, number: int, count: int) -> list[tuple[int, Fields]]:
        """Return entries above an id."""
        return [entry for entry in self.streams.get(stream, ()) if entry[0] > number][:count]

    def wait(self, call: Callable[[], None]) -> None:
        """Call when something has been added."""
        self._blocked.append(call)


class Pipeline:
    """Requests that go in one write."""

    def __init__(self, client: "SimulatedValkey") -> None:
        self._client = client
        self._requests: list[Callable[[ValkeyServer], None]] = []

    def xadd(self, stream: str, fields: dict[str, Any], **options: Any) -> None:
        """Put down an entry to append."""
        number = int(str(options["id"]).split("-", 1)[0])
        packed = {name.encode(): _packed(value) for name, value in fields.items()}
        self._requests.append(lambda server: server.add(stream, number, packed))

    def set(self, key: str, value: Any) -> None:
        """Put down a key to set."""
        self._requests.append(lambda server: server.keys.__setitem__(key, _packed(value)))

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Send what was put down; return each one's result or fault."""

        def do_all(server: ValkeyServer) -> list[Any]:
            results: list[Any] = []
            for request in self._requests:
                try:
                    request(server)
                    results.append(b"")
                except ResponseError as fault:
                    results.append(fault)
            return results

        results: list[Any] = await self._client.call(do_all)
        return results


class SimulatedValkey:
    """A client: fits what the feed's adapters use of redis.asyncio.Redis."""

    def __init__(self, server: ValkeyServer, host: Host) -> None:
        self._server = server
        self._host = host
        self._calls: dict[asyncio.Future[Any], None] = {}
        self._connect()
        server.clients[self] = None
        host.on_end.append(lambda: server.clients.pop(self, None))

    def _connect(self) -> None:
        here, there = self._host.site.name, self._server.site.name
        self._there = Stream(self._server.network, here, there)
        self._back = Stream(self._server.network, there, here)

    def lose(self) -> None:
        """The connection was reset: whoever waits is told, after a while."""
        calls, self._calls = self._calls, {}
        for answer in calls:
            self._tell(answer, ConnectionError("reset by Valkey"))
        self._connect()

    def _tell(self, answer: "asyncio.Future[Any]", result: Any) -> None:
        def tell() -> None:
            if answer.done():
                return
            if isinstance(result, Exception):
                answer.set_exception(result)
            else:
                answer.set_result(result)

        self._host.loop.call_soon(tell)

    async def call(self, work: Callable[[ValkeyServer], Any], block_ms: int = 0) -> Any:
        """Have something done at the server; with a block, again when something was added, until there is a result."""
        answer = self._host.loop.create_future()
        self._calls[answer] = None
        server, back = self._server, self._back
        limit_us = -1

        def run() -> None:
            nonlocal limit_us
            if not server.is_up:
                back.send(lambda: self._tell(answer, ConnectionRefusedError("Valkey is not there")))
                return
            result = work(server)
            if limit_us < 0:
                limit_us = server.world.now_us + block_ms * 1_000
                if block_ms and not result:
                    server.world.at(limit_us, server.take, run)
            if result or not block_ms or server.world.now_us >= limit_us:
                back.send(lambda: self._tell(answer, result))
            else:
                server.wait(run)

        self._there.send(lambda: server.take(run))
        try:
            return await answer
        except asyncio.CancelledError:
            self._connect()
            raise
        finally:
            self._calls.pop(answer, None)

    def pipeline(self, transaction: bool = True) -> Pipeline:
        """Return an empty pipeline."""
        return Pipeline(self)

    async def xrevrange(self, stream: str, count: int) -> list[tuple[bytes, Fields]]:
        """Return the newest entries."""

        def newest(server: ValkeyServer) -> list[tuple[bytes, Fields]]:
            return [_entry(entry) for entry in reversed(server.streams.get(stream, [])[-count:])]

        found: list[tuple[bytes, Fields]] = await self.call(newest)
        return found

    async def xread(self, streams: dict[str, str], count: int, block: int) -> list[Any]:
        """Return entries above an id; wait for one if there is none."""
        ((stream, after),) = streams.items()
        number = int(after.split("-", 1)[0])

        def read(server: ValkeyServer) -> list[Any]:
            found = server.after(stream, number, count)
            return [(stream.encode(), [_entry(entry) for entry in found])] if found else []

        result: list[Any] = await self.call(read, block)
        return result

    async def exists(self, stream: str) -> int:
        """Tell whether a stream or a key is there."""
        return int(await self.call(lambda server: int(stream in server.streams or stream in server.keys)))

    async def get(self, key: str) -> bytes | None:
        """Return a key's value."""
        value: bytes | None = await self.call(lambda server: server.keys.get(key))
        return value

    async def set(self, key: str, value: Any, ex: int | None = None) -> None:
        """Set a key."""
        await self.call(lambda server: server.keys.__setitem__(key, _packed(value)))

    async def delete(self, stream: str) -> None:
        """Drop a stream."""
        await self.call(lambda server: server.streams.pop(stream, None) and None)


def _packed(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _entry(entry: tuple[int, Fields]) -> tuple[bytes, Fields]:
    return b"%d-0" % entry[0], entry[1]
