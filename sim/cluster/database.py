"""Two simulated database servers, a primary and its synchronous standby, with the promises of PostgreSQL that matter.

A change is durable when the primary's disk has it, acknowledged and visible when the standby has it too. A statement that
is cancelled while it waits for the standby is committed here and perhaps nowhere else; a server that restarts shows
what its disk has. A standby that is away stops commits until the pair is told to go on without it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from openbourse.protocol.journal import BatchRow, SnapshotRow
from sim.cluster.hosts import Host, Site
from sim.cluster.network import Network, Stream
from sim.cluster.tables import Change, RowLock, Tables
from sim.cluster.world import EPOCH_US, SECOND_US, World

FLUSH_US: Final = (150, 1_200)
STATEMENT_US: Final = (20, 400)
WITHOUT_STANDBY_US: Final = 3 * SECOND_US
"""After so long without its standby the pair goes on alone."""
AHEAD_US: Final = 1_300_000  # by no more may a leader's clock be off: what it may lead with, and be set by unnoticed
CLONE_US: Final = 2 * SECOND_US
"""How long a server takes to become the standby of another."""


class Lost(ConnectionError):
    """The connection is gone: whether the statement took effect is not known."""


class Refused(Exception):
    """The server says no; nothing was changed."""


class DiskFull(Refused):
    """There is no room for the row."""


class AlreadyThere(Refused):
    """The key exists."""


class LockNotAvailable(Refused):
    """The row's lock was not given in time."""


@dataclass
class Backend:
    """A session at the server."""

    pid: int
    name: str
    back: Stream
    lost: Callable[[], None]
    hear: Callable[[str], None] = lambda _: None
    task: asyncio.Task[Any] | None = None
    is_leaving: bool = False


@dataclass
class Server:
    """One database server."""

    site: Site
    host: Host | None = None
    written: list[Change] = field(default_factory=list)
    """What its disk has, in order."""
    tables: Tables = field(default_factory=Tables)
    backends: dict[int, Backend] = field(default_factory=dict)
    lease_lock: RowLock = field(default_factory=RowLock)
    inserting: dict[int, "asyncio.Future[None]"] = field(default_factory=dict)
    advisory: int = 0
    """The pid that holds the session lock."""
    is_full: bool = False
    slowness: int = 1

    @property
    def is_up(self) -> bool:
        """Tell whether it answers."""
        return self.host is not None and self.host.is_alive


class Database:
    """The pair, and what its operator's automation does."""

    def __init__(self, world: World, network: Network, sites: tuple[Site, Site]) -> None:
        self.world = world
        self.network = network
        self.servers = [Server(site) for site in sites]
        self.primary = self.servers[0]
        self.is_paired = False
        self.wrongs: list[str] = []
        """What no server may ever do."""
        self._chance = world.chance("database")
        self._acks: dict[int, asyncio.Future[None]] = {}
        self._to_standby: Stream | None = None
        self._from_standby: Stream | None = None
        self._began_waiting_us = -1
        for server in self.servers:
            self.start(server)
        self.pair()

    @property
    def standby(self) -> Server:
        """The server that does not lead."""
        return self.servers[1] if self.primary is self.servers[0] else self.servers[0]

    def start(self, server: Server) -> None:
        """Start a server's process: what is on its disk is visible, sessions and locks are gone."""
        server.host = Host(self.world, self.network, server.site)
        server.tables = Tables()
        for change in server.written:
            server.tables.take(change)
        server.backends, server.inserting, server.advisory = {}, {}, 0
        server.lease_lock = RowLock()
        self.world.note(server.site.name, f"serves, {server.tables.head().sequence} commands")

    def pair(self) -> None:
        """Make the other server the synchronous standby of the primary, by copying what the primary has."""
        if not (self.primary.is_up and self.standby.is_up):
            return
        self.standby.written = list(self.primary.written)
        source, target = self.primary.site.name, self.standby.site.name
        self._to_standby, self._from_standby = (
            Stream(self.network, source, target),
            Stream(self.network, target, source),
        )
        self.is_paired = True
        self.world.note(source, f"has {target} as its standby")

    def pair_again(self) -> None:
        """Pair the servers, if they are not."""
        if not self.is_paired:
            self.pair()

    def unpair(self) -> None:
        """Go on without the standby; commits that waited for it are done."""
        if self.is_paired:
            self.world.note(self.primary.site.name, "goes on without its standby")
        self.is_paired = False
        for stream in (self._to_standby, self._from_standby):
            if stream is not None:
                stream.is_open = False
        acks, self._acks = self._acks, {}
        for ack in acks.values():
            if not ack.done():
                ack.set_result(None)

    def look_after(self) -> None:
        """Do what an operator's automation does, ten times a second."""
        waiting = any(not ack.done() for ack in self._acks.values())
        if not (self.is_paired and waiting and self.primary.is_up):
            self._began_waiting_us = self.world.now_us
        elif self.world.now_us - self._began_waiting_us > WITHOUT_STANDBY_US:
            self.unpair()
        self.world.after(SECOND_US // 10, self.look_after)

    def crash(self, server: Server) -> None:
        """End a server's process; clients see their connections reset."""
        if server.host is not None:
            server.host.kill("crash")
        for backend in server.backends.values():
            backend.back.send(backend.lost)
        server.backends = {}
        if server is self.primary:
            self._acks = {}
            self.is_paired = False
        else:
            self.unpair_later(server)

    def lose(self, server: Server) -> None:
        """End a primary's machine: what is on its way to the standby never arrives."""
        self.crash(server)
        self.unpair_later(server)

    def unpair_later(self, server: Server) -> None:
        """The standby is gone: commits wait until the automation lets them go on."""
        if self._to_standby is not None:
            self._to_standby.is_open = False

    def promote(self) -> None:
        """Make the standby the primary: what it has received is the truth now."""
        standby = self.standby
        self.unpair_later(self.primary)
        if standby.host is not None and standby.host.is_alive:
            standby.host.kill("promoted")
        self.primary = standby
        self._acks, self.is_paired = {}, False
        self.start(standby)

    def terminate(self, server: Server, pid: int) -> None:
        """End a session: its statement is cancelled, its locks are freed, the client hears of it."""
        backend = server.backends.pop(pid, None)
        if backend is None:
            return
        self.world.note(server.site.name, f"ends session {pid} of {backend.name}")
        self._leave(server, backend)
        backend.back.send(backend.lost)

    def _leave(self, server: Server, backend: Backend) -> None:
        backend.is_leaving = True
        if server.advisory == backend.pid:
            server.advisory = 0
        if backend.task is not None and not backend.task.done():
            backend.task.cancel()

    def hang_up(self, server: Server, backend: Backend) -> None:
        """The client is gone. A statement under way is carried out to its end before the server notices."""

        def leave(_: object = None) -> None:
            server.backends.pop(backend.pid, None)
            if server.advisory == backend.pid:
                server.advisory = 0

        if backend.task is not None and not backend.task.done():
            backend.task.add_done_callback(leave)
        else:
            leave()

    def notify(self, server: Server, word: str) -> None:
        """Tell every session something."""
        for backend in list(server.backends.values()):
            backend.back.send(lambda hear=backend.hear: hear(word))  # type: ignore[misc]

    async def work(self, server: Server) -> None:
        """Take the time that a statement takes."""
        await asyncio.sleep(self._chance.randint(*STATEMENT_US) * server.slowness / SECOND_US)

    async def commit(self, server: Server, *changes: Change) -> None:
        """Write changes and wait for the standby; visible when this returns, or when the wait is cancelled."""
        await asyncio.sleep(self._chance.randint(*FLUSH_US) * server.slowness / SECOND_US)
        if server.is_full and any(isinstance(change, BatchRow | SnapshotRow) for change in changes):
            raise DiskFull("no space left on device")
        lease = server.tables.lease
        for change in changes:
            if isinstance(change, BatchRow) and (lease is None or lease.epoch != change.epoch):
                self.wrongs.append(f"epoch {change.epoch} appends {change.first_sequence} while another one leads")
            if isinstance(change, BatchRow) and change.time_us > EPOCH_US + self.world.now_us + AHEAD_US:
                self.wrongs.append(f"{change.first_sequence} bears a time that is far ahead of the true one")
        server.written.extend(changes)
        place = len(server.written)
        try:
            if self.is_paired and server is self.primary:
                await self._replicate(place, list(changes))
        finally:
            if server.is_up:
                for change in changes:
                    server.tables.take(change)

    async def _replicate(self, place: int, changes: list[Change]) -> None:
        standby, to_standby, from_standby = self.standby, self._to_standby, self._from_standby
        assert to_standby is not None, "paired"
        assert from_standby is not None, "paired"
        ack = self._acks[place] = asyncio.get_running_loop().create_future()

        def acknowledged() -> None:
            for number in [number for number in self._acks if number <= place]:
                waiting = self._acks.pop(number)
                if not waiting.done():
                    waiting.set_result(None)

        def received() -> None:
            if standby.is_up and len(standby.written) == place - len(changes):
                standby.written.extend(changes)
                from_standby.send(acknowledged)

        to_standby.send(received)
        await ack


class Connection:
    """A client's connection to whichever server is the primary."""

    def __init__(self, database: Database, host: Host, name: str, hear: Callable[[str], None] = lambda _: None) -> None:
        self._database = database
        self._host = host
        self._name = name
        self._hear = hear
        self._server = database.primary
        self._there = Stream(database.network, host.site.name, self._server.site.name)
        self._back = Stream(database.network, self._server.site.name, host.site.name)
        self._backend: Backend | None = None
        self._answer: asyncio.Future[Any] | None = None
        self.is_closed = False
        host.on_end.append(self._end_with_process)

    @property
    def pid(self) -> int:
        """The session's number at the server."""
        return 0 if self._backend is None else self._backend.pid

    async def open(self) -> None:
        """Connect. Raises Lost when nobody serves there."""
        server, pid = self._server, self._database.world.serial()

        def knock() -> None:
            if not server.is_up or server is not self._database.primary:
                self._back.send(self._lost)
                return
            self._backend = server.backends[pid] = Backend(pid, self._name, self._back, self._lost, self._heard)
            self._back.send(lambda: self._answered(pid, None))

        await self._ask(knock)

    async def call(self, statement: Callable[[Server, Backend], Awaitable[Any]]) -> Any:
        """Have a statement carried out. Raises Lost, Refused."""
        server = self._server

        def begin() -> None:
            backend = self._backend
            if backend is None or server.backends.get(backend.pid) is not backend or server.host is None:
                self._back.send(self._lost)
            else:
                backend.task = server.host.loop.create_task(self._carry_out(server, backend, statement))

        return await self._ask(begin)

    async def _carry_out(self, server: Server, backend: Backend, statement: Callable[..., Awaitable[Any]]) -> None:
        result: Any = None
        fault: Exception | None = None
        try:
            await self._database.work(server)
            result = await statement(server, backend)
        except Refused as refused:
            fault = refused
        except asyncio.CancelledError:
            return
        self._back.send(lambda: self._answered(result, fault))

    async def _ask(self, arrive: Callable[[], None]) -> Any:
        if self.is_closed:
            raise Lost("the connection is closed")
        answer = self._answer = self._host.loop.create_future()
        self._there.send(lambda: self._arrived(arrive))
        try:
            return await answer
        except asyncio.CancelledError:
            if not self.is_closed:
                self._there.send(self._cancel)
            raise
        finally:
            self._answer = None

    def _heard(self, word: str) -> None:
        if not self.is_closed:
            self._host.loop.call_soon(self._hear, word)

    def _arrived(self, arrive: Callable[[], None]) -> None:
        if self._server.is_up and self._server.host is not None:
            self._server.host.loop.call_soon(arrive)
        else:
            self._back.send(self._lost)

    def _cancel(self) -> None:
        backend = self._backend
        if backend is not None and backend.task is not None and not backend.task.done():
            backend.task.cancel()

    def _answered(self, result: Any, fault: Exception | None) -> None:
        answer = self._answer

        def tell() -> None:
            if answer is None or answer.done():
                return
            if fault is None:
                answer.set_result(result)
            else:
                answer.set_exception(fault)

        if not self.is_closed:
            self._host.loop.call_soon(tell)

    def _lost(self) -> None:
        if not self.is_closed:
            self._host.loop.call_soon(self._drop, "the server has closed the connection")

    def _drop(self, why: str) -> None:
        if self.is_closed:
            return
        self.is_closed = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Lost(why))

    def terminate(self) -> None:
        """Hang up without a word; what was sent may still be carried out."""
        if not self.is_closed:
            self._there.send(self._hung_up)
            self._drop("hung up")

    def _hung_up(self) -> None:
        if self._backend is not None:
            self._database.hang_up(self._server, self._backend)

    def _end_with_process(self) -> None:
        self.is_closed = True
        if self._host.site.name in self._database.network.unpowered:
            self._there.is_open = False
        else:
            self._there.send(self._hung_up)
