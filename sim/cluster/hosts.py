"""Simulated machines (sites) and the processes on them: they are killed, stopped, slowed, and their clocks are set."""

import socket
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, cast

from sim.cluster.loop import HostLoop
from sim.cluster.world import EPOCH_US, SECOND_US, World

if TYPE_CHECKING:
    from sim.cluster.network import Network, Transport


class Site:
    """A machine: a place in the network, with a clock that may be wrong."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.clock_ahead_us = 0
        self.is_powered = True
        self.lives = 0

    def clock_us(self) -> int:
        """Return what the machine's clock shows."""
        return EPOCH_US + self.world.now_us + self.clock_ahead_us


class Host:
    """A process. Once dead it stays dead: a restart is another one."""

    def __init__(self, world: World, network: "Network", site: Site) -> None:
        site.lives += 1
        self.world = world
        self.network = network
        self.site = site
        self.name = site.name
        self.life = site.lives
        self.is_alive = True
        self.is_paused = False
        self.uncaught: list[str] = []
        self.transports: list[Transport] = []
        self.on_end: list[Callable[[], None]] = []
        # asyncio knows more methods; the code under test uses none of them.
        self.loop: HostLoop = cast(Any, HostLoop)(world, self)
        self._steps_left = -1

    @property
    def is_running(self) -> bool:
        """Tell whether its code is being executed."""
        return self.is_alive and not self.is_paused

    def start(self, work: Coroutine[Any, Any, Any]) -> "Any":
        """Begin a task from outside."""
        return self.loop.create_task(work)

    def step(self) -> None:
        """Count a step of its code; die if this was the one."""
        if self._steps_left > 0:
            self._steps_left -= 1
            if self._steps_left == 0:
                self.kill("crash")

    def crash_after(self, steps: int) -> None:
        """Die after so many more steps, wherever the code is then."""
        self._steps_left = max(1, steps)

    def kill(self, why: str) -> None:
        """End at once. The machine's kernel resets the connections, unless the machine itself is gone."""
        if not self.is_alive:
            return
        self.world.note(self.name, f"ends: {why}")
        self.is_alive = False
        self.loop.end()
        for transport in list(self.transports):
            transport.orphan()
        self.network.forget(self)
        for call in self.on_end:
            call()

    def pause(self) -> None:
        """Stop executing; what arrives is kept."""
        self.is_paused = True
        self.world.note(self.name, "is stopped")

    def resume(self) -> None:
        """Go on where it stopped."""
        self.is_paused = False
        self.world.note(self.name, "goes on")
        self.loop.wake()


class SimulatedMachine:
    """What a process takes from its machine (openbourse.machine.Machine)."""

    def __init__(self, host: Host, ahead_us: int = 0) -> None:
        self._host = host
        self._chance = host.world.chance(f"machine {host.name} {host.life}")

    def now_us(self) -> int:
        """Return what the machine's clock shows."""
        return self._host.site.clock_us()

    def monotonic_s(self) -> float:
        """Return the seconds since the run began, which no setting of the clock changes."""
        return self._host.world.now_us / SECOND_US

    def random_bytes(self, count: int) -> bytes:
        """Return bytes of the seed's chance."""
        return self._chance.randbytes(count)

    def listen(self, host: str, port: int) -> socket.socket:
        """Return a listener that keeps callers waiting until it is served."""
        return cast(socket.socket, self._host.network.listen(self._host, port))
