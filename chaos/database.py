"""The managed database: a primary and a synchronous standby, looked after from outside as RDS would.

A primary that does not answer for a while is fenced (killed, kept down), the standby is promoted, the address moves,
and the old primary comes back as the new standby. A standby that is gone for a while is no longer waited for until it
streams again. Only a standby that was being waited for is promoted: it has everything that was acknowledged.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import asyncpg

from chaos.places import DATABASE_PORT, DATABASES, ENDPOINT, Place, seen_from
from chaos.server import Server, ServerFault
from openbourse.supervisor.postgres import USER

WATCH_S: Final = 0.3
ASK_S: Final = 1.0
FAILOVER_AFTER_S: Final = 3.0
"""A primary that has not answered for so long is replaced."""
DEGRADE_AFTER_S: Final = 4.0
"""A standby that has not streamed for so long is not waited for."""
REJOIN_AFTER_S: Final = 2.0
REJOIN_TRIES: Final = 10
REJOIN_PAUSE_S: Final = 0.5
START_S: Final = 30.0
COPY_AFTER_S: Final = 8.0
"""A standby that runs and cannot stream for so long is made anew."""

Note = Callable[[str], None]


class Database:
    """The pair, and who is the primary."""

    def __init__(self, servers: tuple[Server, Server], move: Callable[[str], None], note: Note) -> None:
        self.servers = servers
        self.primary, self.standby = servers
        self.is_synchronous = False
        self.failovers = 0
        self.failed_over_at = 0.0
        self.is_watched = True
        self._move = move
        self._note = note
        self._answered_at = self._streamed_at = time.monotonic()
        self._rejoining: asyncio.Task[None] | None = None

    async def build(self, databases: tuple[str, ...]) -> None:
        """Make both servers, and the databases in them."""
        await asyncio.to_thread(self.primary.make)
        self.primary.part.start()
        await self._until(lambda: self._ask(self.primary, "SELECT 1"), START_S)
        for name in databases:
            await self._ask(self.primary, f'CREATE DATABASE "{name}"')
        await asyncio.to_thread(self.standby.copy, self.primary.place)
        self.standby.part.start()
        await self._until(self._wait_for_standby, START_S)
        self._move(self.primary.place.address)

    async def watch(self) -> None:
        """Look after the pair until cancelled."""
        while True:
            await asyncio.sleep(WATCH_S)
            await self._look()

    @property
    def is_whole(self) -> bool:
        """Tell whether both run and every commit waits for the standby."""
        return self.is_synchronous and self._rejoining is None

    def server_at(self, place: Place) -> Server:
        """Return the server at a place."""
        return next(server for server in self.servers if server.place == place)

    async def _look(self) -> None:
        now = time.monotonic()
        try:
            streaming = await self._ask(
                self.primary, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
            )
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            self.primary.part.keep()
            if now - self._answered_at > FAILOVER_AFTER_S:
                await self._fail_over()
            return
        self._answered_at = time.monotonic()
        if streaming:
            self._streamed_at = self._answered_at
            if not self.is_synchronous and self._rejoining is None:
                await self._await_safely()
            return
        if self._rejoining is None:
            self.standby.part.keep()
        if now - self._streamed_at > DEGRADE_AFTER_S and self.is_synchronous:
            await self._degrade()
        if not self.is_synchronous and self._rejoining is None and now - self._streamed_at > COPY_AFTER_S:
            self._streamed_at = now
            self._rejoin()

    async def _await_safely(self) -> None:
        try:
            await self._wait_for_standby()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return

    async def _wait_for_standby(self) -> None:
        """Have commits wait for the standby, once it streams. Raises what the driver raises."""
        if not await self._ask(self.primary, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"):
            raise TimeoutError("the standby does not stream yet")
        await self._set_standbys("*")
        self.is_synchronous = True
        self._streamed_at = self._answered_at = time.monotonic()
        self._note(f"commits wait for {self.standby.place.name}")

    async def _degrade(self) -> None:
        try:
            await self._set_standbys("")
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return
        self.is_synchronous = False
        self._note(f"commits no longer wait for {self.standby.place.name}")

    async def _set_standbys(self, names: str) -> None:
        await self._ask(self.primary, f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
        await self._ask(self.primary, "SELECT pg_reload_conf()")

    async def _fail_over(self) -> None:
        if not self.is_synchronous or not self.standby.part.pid:
            # Alone it must come back: nobody else has everything that was acknowledged.
            self.primary.part.is_wanted = True
            return
        old, new = self.primary, self.standby
        await asyncio.to_thread(old.kill)
        try:
            await self._ask(new, "SELECT pg_promote(true, 10)", 12.0)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as fault:
            self._note(f"{new.place.name} could not be promoted: {fault}")
            return
        self.primary, self.standby = new, old
        self.is_synchronous = False
        self.failovers += 1
        self.failed_over_at = self._answered_at = self._streamed_at = time.monotonic()
        self._move(new.place.address)
        self._note(f"{new.place.name} is the primary")
        self._rejoin()

    def _rejoin(self) -> None:
        self._rejoining = asyncio.create_task(self._bring_back(self.standby, self.primary))

    async def _bring_back(self, server: Server, primary: Server) -> None:
        """Have a server follow the primary: taken back to where they part, or copied."""
        await asyncio.sleep(REJOIN_AFTER_S)
        await asyncio.to_thread(server.kill)
        for attempt in range(REJOIN_TRIES):
            try:
                if attempt % 2:
                    await asyncio.to_thread(server.copy, primary.place)
                else:
                    await asyncio.to_thread(server.rewind, primary.place)
            except (ServerFault, OSError) as fault:
                self._note(f"{server.place.name} did not come back: {fault}")
                await asyncio.sleep(REJOIN_PAUSE_S)
                continue
            server.part.start()
            self._note(f"{server.place.name} is the standby, {'copied anew' if attempt % 2 else 'rewound'}")
            break
        self._streamed_at = time.monotonic()
        self._rejoining = None

    async def _ask(self, server: Server, statement: str, seconds: float = ASK_S) -> object:
        async with asyncio.timeout(seconds + ASK_S):
            connection = await asyncpg.connect(server.url("postgres"), timeout=seconds, command_timeout=seconds)
            try:
                return await connection.fetchval(statement)
            finally:
                connection.terminate()

    async def _until(self, work: Callable[[], Awaitable[object]], seconds: float) -> None:
        limit = time.monotonic() + seconds
        while True:
            try:
                await work()
                return
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                if time.monotonic() > limit:
                    raise
            await asyncio.sleep(0.1)


def urls(database: str, password: str, form: str, source: Place | None) -> str:
    """Return what a place is told: the address that moves, or both hosts, of which it finds the one to write to."""
    if form == "endpoint":
        hosts = f"{ENDPOINT}:{DATABASE_PORT}"
    else:
        hosts = ",".join(f"{seen_from(source, place)}:{DATABASE_PORT}" for place in DATABASES)
    return f"postgresql://{USER}:{password}@{hosts}/{database}?target_session_attrs=read-write"


def new_servers(root: Path, password: str, preload: Callable[[Place], dict[str, str]]) -> tuple[Server, Server]:
    """Return both servers, not made yet."""
    first, second = (Server(place, root, password, preload(place)) for place in DATABASES)
    return first, second
