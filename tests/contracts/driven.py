"""Drives a simulated world from outside: simulated time passes until work on one of its machines has its result."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from sim.cluster.database import Database
from sim.cluster.feed import SimulatedValkey, ValkeyServer
from sim.cluster.hosts import Host, Site
from sim.cluster.network import Network
from sim.cluster.world import SECOND_US, World

WAIT_US: Final = 30 * SECOND_US


class DrivenWorld:
    """A world with two database servers and a Valkey."""

    def __init__(self) -> None:
        self.world = World(1)
        self.network = Network(self.world)
        self.database = Database(self.world, self.network, (Site(self.world, "db-1"), Site(self.world, "db-2")))
        self.valkey = ValkeyServer(self.world, self.network, Site(self.world, "valkey"))

    def host(self, name: str) -> Host:
        """Return a process on a machine of its own."""
        return Host(self.world, self.network, Site(self.world, name))

    def client(self, host: Host) -> SimulatedValkey:
        """Return a client of the Valkey."""
        return SimulatedValkey(self.valkey, host)

    def drive(self, *works: tuple[Host, Callable[[], Coroutine[Any, Any, Any]]]) -> list[Any]:
        """Begin all of the works, each on its host, and return their results or faults once all have ended."""
        tasks: list[asyncio.Task[Any]] = [host.start(work()) for host, work in works]
        assert self.world.run(self.world.now_us + WAIT_US, lambda: all(task.done() for task in tasks)), "it never ends"
        return [task.exception() or task.result() for task in tasks]

    def one(self, host: Host, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Return what one work returns. Raises what it raises."""
        (result,) = self.drive((host, work))
        if isinstance(result, BaseException):
            raise result
        return result

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self.world.run(self.world.now_us + int(seconds * SECOND_US), lambda: False)
