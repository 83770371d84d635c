"""What the statements of the PostgreSQL adapters do, at the simulated server."""

import asyncio
from dataclasses import replace
from typing import Any, Final

from openbourse.protocol.journal import BatchRow, Head, Standing
from openbourse.sequencer.parts import FREE
from sim.cluster.database import AlreadyThere, Backend, Database, LockNotAvailable, Server
from sim.cluster.tables import LeaseRow

ROW_WAIT_S: Final = 0.4
SEEN_WITHIN_US: Final = 3_000_000


class Statements:
    """What the adapters' statements do at the server."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def may_append(self, server: Server, row: BatchRow) -> bool:
        """Tell whether the row's epoch leads: looked at under the lock."""
        return server.tables.lease is not None and server.tables.lease.epoch == row.epoch

    def follows(self, head: Head, row: BatchRow) -> bool:
        """Tell whether a row follows the head."""
        return head.sequence == row.first_sequence - 1 and head.hash == row.previous_hash

    async def append(self, server: Server, row: BatchRow) -> bool:
        """Insert a batch if its epoch leads and it follows the head, as they were when the statement began."""
        head = server.tables.head()
        await server.lease_lock.acquire(alone=False)
        try:
            if not (self.may_append(server, row) and self.follows(head, row)):
                return False
            if (other := server.inserting.get(row.last_sequence)) is not None:
                await asyncio.wait([other])
            if row.last_sequence in server.tables.ends:
                raise AlreadyThere("this sequence is there already")
            done = server.inserting[row.last_sequence] = asyncio.get_running_loop().create_future()
            try:
                await self._database.commit(server, row)
            finally:
                server.inserting.pop(row.last_sequence, None)
                if not done.done():
                    done.set_result(None)
        finally:
            server.lease_lock.release(alone=False)
        return True

    def is_open(self, server: Server, is_free: bool) -> bool:
        """Tell whether the lease may be taken: it has run out, or its holder's session is gone."""
        old = server.tables.lease
        if old is None:
            return True
        return old.expires_us < server.site.clock_us() or (is_free and old.backend not in server.backends)

    async def take(
        self, server: Server, backend: Backend, holder: str, address: str, ttl_us: int, is_free: bool
    ) -> int:
        """Take the lease if it is open still; return the new epoch, or 0."""
        try:
            async with asyncio.timeout(ROW_WAIT_S):
                await server.lease_lock.acquire(alone=True)
        except TimeoutError:
            raise LockNotAvailable("the lease row is locked") from None
        try:
            if not self.is_open(server, is_free):
                return 0
            old = server.tables.lease
            if old is not None and old.expires_us >= server.site.clock_us() and old.backend in server.backends:
                self._database.wrongs.append(f"{holder} takes the lease while {old.holder} holds it")
            epoch = 1 if old is None else old.epoch + 1
            row = LeaseRow(epoch, holder, address, backend.pid, server.site.clock_us() + ttl_us)
            await self._database.commit(server, row)
            return epoch
        finally:
            server.lease_lock.release(alone=True)

    async def change_lease(self, server: Server, epoch: int, **fields: Any) -> bool:
        """Change the lease's row if an epoch still leads."""
        await server.lease_lock.acquire(alone=True)
        try:
            if server.tables.lease is None or server.tables.lease.epoch != epoch:
                return False
            await self._database.commit(server, replace(server.tables.lease, **fields))
            return True
        finally:
            server.lease_lock.release(alone=True)

    async def prove(self, server: Server, epoch: int) -> bool:
        """Commit the lease's row as it is if an epoch leads; appends go on beside it."""
        await server.lease_lock.acquire(alone=False)
        try:
            lease = server.tables.lease
            if lease is None or lease.epoch != epoch:
                return False
            await self._database.commit(server, lease)
            return True
        finally:
            server.lease_lock.release(alone=False)

    async def give_up(self, server: Server, epoch: int) -> None:
        """End a lease now, and say so."""
        if await self.change_lease(server, epoch, expires_us=server.site.clock_us(), holder="", backend=0):
            self._database.notify(server, FREE)

    def standbys(self, server: Server, holder: str) -> list[Standing]:
        """Return how the others do that were heard of lately."""
        since = server.site.clock_us() - SEEN_WITHIN_US
        rows = [row for row in server.tables.standings.values() if row.seen_us > since]
        return [row.standing for row in rows if row.standing.holder != holder]

    def is_at_work(self, server: Server, pid: int) -> bool:
        """Tell whether a session that was hung up on still carries out a statement."""
        backend = server.backends.get(pid)
        return backend is not None and backend.task is not None and not backend.task.done()

    def lock(self, server: Server, backend: Backend) -> bool:
        """Try to get the session lock."""
        if not server.advisory:
            server.advisory = backend.pid
        return server.advisory == backend.pid

    def end_sessions(self, server: Server, backend: Backend, old: LeaseRow) -> None:
        """End what the old holder has open."""
        for pid, other in list(server.backends.items()):
            if (pid == old.backend or other.name == old.holder) and pid != backend.pid and other.name != backend.name:
                self._database.terminate(server, pid)
