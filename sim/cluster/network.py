"""The simulated network: streams with delay, cuts of either direction, resets; between two connections no order holds.

A cut holds what is sent: TCP repeats it, so it arrives after the cut has healed, or never when the connection is reset.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from sim.cluster.hosts import Host
from sim.cluster.world import World

PORT: Final = 7_001
DELAY_US: Final = (80, 1_500)
SPIKE_CHANCE: Final = 0.01
SPIKE_US: Final = (5_000, 120_000)
REPEAT_US: Final = (1_000, 400_000)
"""How long after a cut has healed what was held is sent again."""
PIECES_MAX: Final = 3
Address = tuple[str, int]


class Stream:
    """One direction of a connection: what is sent arrives in order, late, or never."""

    def __init__(self, network: "Network", source: str, target: str) -> None:
        self._network = network
        self._source, self._target = source, target
        self._last_us = 0
        self._held: deque[Callable[[], None]] = deque()
        self.is_open = True

    def send(self, arrive: Callable[[], None]) -> None:
        """Send something: `arrive` is called at the other end."""
        if not self.is_open:
            return
        if self._held or self._network.is_cut(self._source, self._target):
            self._held.append(arrive)
            self._network.wait_for_heal(self)
        else:
            self._last_us = max(self._last_us, self._network.world.now_us + self._network.delay_us())
            self._network.world.at(self._last_us, self._arrive, arrive)

    def _arrive(self, arrive: Callable[[], None]) -> None:
        if not self.is_open:
            return
        if self._held or self._network.is_cut(self._source, self._target):
            self._held.append(arrive)
            self._network.wait_for_heal(self)
        else:
            arrive()

    def repeat(self) -> bool:
        """Send what was held, if the way is free again; tell whether nothing is held any more."""
        if self.is_open and self._network.is_cut(self._source, self._target):
            return False
        held, self._held = self._held, deque()
        for arrive in held if self.is_open else ():
            self.send(arrive)
        return True

    def reset(self, arrive: Callable[[], None]) -> None:
        """Drop what has not arrived, and tell the other end unless the way is cut."""
        self._held.clear()
        self.is_open = False
        if not self._network.is_cut(self._source, self._target):
            self._network.world.after(self._network.delay_us(), arrive)


class Network:
    """All links, which of them are cut, who listens where."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.slowness = 1
        self.cuts: set[tuple[str, str]] = set()
        self._chance = world.chance("network")
        self._listeners: dict[Address, Listener] = {}
        self._waiting: dict[Stream, None] = {}
        self.unpowered: set[str] = set()

    def delay_us(self) -> int:
        """Return how long the next piece travels."""
        spread = SPIKE_US if self._chance.random() < SPIKE_CHANCE else DELAY_US
        return self._chance.randint(*spread) * self.slowness

    def is_cut(self, source: str, target: str) -> bool:
        """Tell whether nothing gets from one site to another."""
        return source != target and (
            (source, target) in self.cuts or source in self.unpowered or target in self.unpowered
        )

    def cut(self, source: str, target: str) -> None:
        """Let nothing through in one direction."""
        self.cuts.add((source, target))

    def heal(self, *pairs: tuple[str, str]) -> None:
        """Let everything through again in the directions named; what was held is sent again a little later."""
        self.cuts.difference_update(pairs)
        self.retry()

    def retry(self) -> None:
        """Have every sender with something held try again."""
        for stream in list(self._waiting):
            self.world.after(self._chance.randint(*REPEAT_US), self._repeat, stream)

    def _repeat(self, stream: Stream) -> None:
        if stream.repeat():
            self._waiting.pop(stream, None)

    def wait_for_heal(self, stream: Stream) -> None:
        """Remember a stream that holds something."""
        self._waiting[stream] = None

    def pieces(self, data: bytes) -> list[bytes]:
        """Cut what is written as a network may."""
        cuts = sorted(self._chance.randrange(len(data) + 1) for _ in range(self._chance.randrange(PIECES_MAX)))
        bounds = [0, *cuts, len(data)]
        return [data[begin:end] for begin, end in itertools.pairwise(bounds) if end > begin]

    def listen(self, host: Host, port: int) -> "Listener":
        """Bind a port of a process's machine."""
        listener = Listener(host, (host.site.name, port or PORT))
        self._listeners[listener.address] = listener
        return listener

    def forget(self, host: Host) -> None:
        """Close the ports of a process that has ended."""
        self._listeners = {key: found for key, found in self._listeners.items() if found.host is not host}

    def close(self, listener: "Listener") -> None:
        """Unbind a port."""
        if self._listeners.get(listener.address) is listener:
            del self._listeners[listener.address]

    async def connect(self, host: Host, factory: Callable[[], asyncio.Protocol], address: Address) -> Any:
        """Open a connection from a process. Raises ConnectionRefusedError when nobody listens there."""
        answered = host.loop.create_future()
        there = Stream(self, host.site.name, address[0])
        back = Stream(self, address[0], host.site.name)
        near = Transport(self, host, there)

        def knock() -> None:
            listener = self._listeners.get(address)
            if listener is None or not listener.host.is_alive:
                back.send(lambda: _answer(host, answered, False))
                return
            far = Transport(self, listener.host, back)
            near.peer, far.peer = far, near
            listener.admit(far)
            back.send(lambda: _answer(host, answered, True))

        there.send(knock)
        try:
            is_accepted = await answered
        except asyncio.CancelledError:
            near.abort()
            raise
        if not is_accepted:
            raise ConnectionRefusedError(f"nobody listens at {address[0]}:{address[1]}")
        protocol = factory()
        near.begin(protocol)
        return near, protocol


def _answer(host: Host, future: "asyncio.Future[bool]", value: bool) -> None:
    def tell() -> None:
        if not future.done():
            future.set_result(value)

    host.loop.call_soon(tell)


class Listener:
    """A bound port; callers wait until it is served. Stands for a socket and for the server upon it."""

    def __init__(self, host: Host, address: Address) -> None:
        self.host = host
        self.address = address
        self._factory: Callable[[], asyncio.Protocol] | None = None
        self._waiting: list[Transport] = []

    def getsockname(self) -> Address:
        """Return where it listens."""
        return self.address

    def serve(self, factory: Callable[[], asyncio.Protocol]) -> "Listener":
        """Take in who waits and who comes."""
        self._factory = factory
        waiting, self._waiting = self._waiting, []
        for transport in waiting:
            self.admit(transport)
        return self

    def admit(self, transport: "Transport") -> None:
        """Take a caller in, now or once somebody serves."""
        if self._factory is None:
            self._waiting.append(transport)
        else:
            factory = self._factory
            self.host.loop.call_soon(lambda: transport.begin(factory()))

    def close(self) -> None:
        """Unbind; who was never taken in is turned away."""
        self.host.network.close(self)
        waiting, self._waiting = self._waiting, []
        for transport in waiting:
            transport.abort()


class Transport(asyncio.Transport):
    """One end of a connection."""

    def __init__(self, network: Network, host: Host, out: Stream) -> None:
        super().__init__()
        self.peer: Transport | None = None
        self._network = network
        self._host = host
        self._out = out
        self._protocol: asyncio.Protocol | None = None
        self._is_closing = False
        self._is_reading = True
        self._unread: list[bytes] = []
        self._on_the_way = 0
        host.transports.append(self)

    def begin(self, protocol: asyncio.Protocol) -> None:
        """Hand the connection to a protocol; what came before is read now."""
        if self._is_closing:
            return
        self._protocol = protocol
        protocol.connection_made(self)
        self._read_on()

    def write(self, data: Any) -> None:
        """Send bytes; they arrive in order, in pieces of any size."""
        if self._is_closing or not self._host.is_alive or not data:
            return
        self._on_the_way += len(data)
        for piece in self._network.pieces(bytes(data)):
            self._out.send(lambda piece=piece: self._arrived(piece))  # type: ignore[misc]

    def _arrived(self, piece: bytes) -> None:
        peer = self.peer
        if peer is None:
            return
        if peer._is_closing or not peer._host.is_alive:
            # Nobody is there any more: the other kernel says so, if the machine is up.
            peer._out.reset(self._lost)
        else:
            peer._take(piece)

    def _take(self, piece: bytes) -> None:
        self._unread.append(piece)
        self._host.loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        while self._unread and self._is_reading and self._protocol is not None and not self._is_closing:
            piece = self._unread.pop(0)
            if self.peer is not None:
                self.peer._on_the_way -= len(piece)
            self._protocol.data_received(piece)

    def _lost(self) -> None:
        """The other end has closed or reset the connection."""
        if not self._is_closing and self._host.is_alive:
            self._host.loop.call_soon(self._end, ConnectionResetError("reset by the other end"))

    def _end(self, fault: Exception | None) -> None:
        if not self._is_closing:
            self._is_closing = True
            self._out.is_open = False
            self._tell_lost(fault)

    def _tell_lost(self, fault: Exception | None) -> None:
        if self in self._host.transports:
            self._host.transports.remove(self)
        if self._protocol is not None:
            self._protocol.connection_lost(fault)

    def close(self) -> None:
        """Close once what was written is sent."""
        if self._is_closing:
            return
        self._is_closing = True
        if self.peer is not None:
            self._out.send(self.peer._lost)
        self._host.loop.call_soon(self._tell_lost, None)

    def abort(self) -> None:
        """Close at once; what is not yet sent is dropped."""
        if self._is_closing:
            return
        self._is_closing = True
        self._out.reset(self.peer._lost if self.peer is not None else lambda: None)
        self._host.loop.call_soon(self._tell_lost, None)

    def orphan(self) -> None:
        """The process has ended: its kernel sends what was written, and the end; a machine without power sends nothing."""
        self._is_closing = True
        if self._host.site.name in self._network.unpowered:
            self._out.is_open = False
        elif self.peer is not None:
            self._out.send(self.peer._lost)

    def is_closing(self) -> bool:
        """Tell whether it is closed or being closed."""
        return self._is_closing

    def get_write_buffer_size(self) -> int:
        """Return how many bytes the other end has not read."""
        return self._on_the_way

    def pause_reading(self) -> None:
        """Leave what arrives where it is."""
        self._is_reading = False

    def resume_reading(self) -> None:
        """Read on."""
        self._is_reading = True
        self._host.loop.call_soon(self._read_on)
