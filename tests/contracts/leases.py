"""Several replicas' leases of one shard, over PostgreSQL or over the simulated database: what the suite asks of both."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import asyncpg

from openbourse.adapters.lease_postgres import PostgresLease
from openbourse.sequencer.parts import Lease
from sim.cluster.journal import SimulatedLease
from tests.contracts.driven import DrivenWorld

Work = Callable[[Any], Coroutine[Any, Any, Any]]


class Leases(Protocol):
    """Replicas with a name each."""

    async def do(self, name: str, work: Work) -> Any:
        """Have a replica do something with its lease."""
        ...

    async def together(self, *works: tuple[str, Work]) -> list[Any]:
        """Have several do something at once; return results and faults."""
        ...

    async def lose_session(self) -> None:
        """End the session that the lease names; its holder lives."""
        ...

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        ...


class PostgresLeases:
    """Over PostgreSQL."""

    def __init__(self, url: str, ttl_s: float) -> None:
        self._url = url
        self._ttl_s = ttl_s
        self._leases: dict[str, Lease] = {}

    def _lease(self, name: str) -> Lease:
        if name not in self._leases:
            self._leases[name] = PostgresLease(self._url, 0, name, self._ttl_s)
        return self._leases[name]

    async def do(self, name: str, work: Work) -> Any:
        return await work(self._lease(name))

    async def together(self, *works: tuple[str, Work]) -> list[Any]:
        return await asyncio.gather(*(work(self._lease(name)) for name, work in works), return_exceptions=True)

    async def lose_session(self) -> None:
        connection = await asyncpg.connect(self._url)
        await connection.execute("SELECT pg_terminate_backend(backend_pid, 2000) FROM journal.lease")
        await connection.close()

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def close(self) -> None:
        for lease in self._leases.values():
            lease.hang_up()


class SimulatedLeases:
    """Over the simulated database."""

    def __init__(self, ttl_s: float) -> None:
        self._driven = DrivenWorld()
        self._ttl_s = ttl_s
        self._leases: dict[str, tuple[Any, SimulatedLease]] = {}

    def _work(self, name: str, work: Work) -> tuple[Any, Callable[[], Coroutine[Any, Any, Any]]]:
        if name not in self._leases:
            host = self._driven.host(name)
            self._leases[name] = (host, SimulatedLease(self._driven.database, host, name, self._ttl_s))
        host, lease = self._leases[name]
        return host, lambda: work(lease)

    async def do(self, name: str, work: Work) -> Any:
        return self._driven.one(*self._work(name, work))

    async def together(self, *works: tuple[str, Work]) -> list[Any]:
        return self._driven.drive(*(self._work(name, work) for name, work in works))

    async def lose_session(self) -> None:
        server = self._driven.database.primary
        assert server.tables.lease is not None
        self._driven.database.terminate(server, server.tables.lease.backend)

    async def wait(self, seconds: float) -> None:
        self._driven.pass_time(seconds)

    async def close(self) -> None:
        for _, lease in self._leases.values():
            lease.hang_up()
