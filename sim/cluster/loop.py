"""An event loop for one simulated process: asyncio's promises, the world's time, connections of the simulated network."""

import asyncio
import contextvars
from asyncio.events import _get_running_loop, _set_running_loop
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, Final, cast

from sim.cluster.world import SECOND_US, Entry, World

if TYPE_CHECKING:
    from sim.cluster.hosts import Host

TURN_US: Final = (1, 30)
"""How long a turn of the loop takes a process that is not slowed down."""
THREAD_US: Final = (200, 20_000)
"""How long work in a thread takes."""


class SimulatedTask(asyncio.Task[Any]):
    """A task whose hash is its number: sets of tasks, which asyncio keeps, have the same order in every run."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], *, loop: "HostLoop", **options: Any) -> None:
        self.number = loop.world.serial()
        super().__init__(coroutine, loop=loop, **options)

    def __hash__(self) -> int:
        return self.number

    def __eq__(self, other: object) -> bool:
        return self is other

    def quiet(self) -> None:
        """Say nothing when it is dropped before its end: its process was killed."""
        self._log_destroy_pending = False


class Timer(asyncio.TimerHandle):
    """A call at a time."""

    entry: Entry | None = None


class HostLoop(asyncio.AbstractEventLoop):
    """Runs what is ready in the order it became so, a turn at a time, as asyncio does; nothing once the process is dead."""

    def __init__(self, world: World, host: "Host") -> None:
        self.world = world
        self.host = host
        self.tasks: list[SimulatedTask] = []
        self.slowness = 1
        self._chance = world.chance(f"loop {host.name} {host.life}")
        self._ready: deque[asyncio.Handle] = deque()
        self._is_turning = False

    def time(self) -> float:
        """Return the seconds since the run began."""
        return self.world.now_us / SECOND_US

    def wake(self) -> None:
        """Plan the next turn if there is something to do."""
        if self._ready and not self._is_turning and self.host.is_running:
            self._is_turning = True
            self.world.after(self._chance.randint(*TURN_US) * self.slowness, self._turn)

    def _turn(self) -> None:
        self._is_turning = False
        outer = _get_running_loop()
        _set_running_loop(self)
        try:
            for _ in range(len(self._ready)):
                if not self.host.is_running:
                    break
                handle = self._ready.popleft()
                if not handle.cancelled():
                    handle._run()
                    self.host.step()
        finally:
            _set_running_loop(outer)
        self.wake()

    def _put(self, handle: asyncio.Handle) -> None:
        if self.host.is_alive:
            self._ready.append(handle)
            self.wake()

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """Call in the next turn."""
        handle = asyncio.Handle(callback, args, self, context)
        self._put(handle)
        return handle

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """Call in the next turn: there are no threads."""
        return self.call_soon(callback, *args, context=context)

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        """Call after seconds."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        """Call at the loop's time."""
        timer = Timer(when, callback, args, self, context)
        timer.entry = self.world.at(-int(-when * SECOND_US // 1), self._put, timer)
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        entry = cast(Timer, handle).entry
        if entry is not None:
            entry.cancel()

    def create_future(self) -> "asyncio.Future[Any]":
        """Return a future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(self, coro: Coroutine[Any, Any, Any] | Generator[Any, None, Any], **options: Any) -> SimulatedTask:
        """Run a coroutine."""
        task = SimulatedTask(cast(Coroutine[Any, Any, Any], coro), loop=self, **options)
        self.tasks.append(task)
        return task

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> "asyncio.Future[Any]":
        """Do work beside the loop: its result comes a little later."""
        future = self.create_future()

        def work() -> None:
            if future.cancelled():
                return
            try:
                future.set_result(func(*args))
            except Exception as fault:
                future.set_exception(fault)

        self.call_later(self._chance.randint(*THREAD_US) / SECOND_US, work)
        return future

    async def create_server(self, protocol_factory: Any, *arguments: Any, **options: Any) -> Any:
        """Serve a listener of this process's own."""
        return options["sock"].serve(protocol_factory)

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        """Connect to a listener somewhere in the simulated network."""
        return await self.host.network.connect(self.host, protocol_factory, (str(host), int(port)))

    def get_debug(self) -> bool:
        """Tell that nothing is checked beyond what asyncio checks always."""
        return False

    def is_running(self) -> bool:
        """Tell whether the process runs."""
        return self.host.is_alive

    def is_closed(self) -> bool:
        """Tell whether the process has ended."""
        return not self.host.is_alive

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Note what nobody caught; the auditor reads it."""
        fault = context.get("exception")
        if self.host.is_alive and fault is not None and not self.world.is_ending:
            self.host.uncaught.append(f"{context.get('message')}: {fault!r}")
            self.world.note(self.host.name, f"uncaught {fault!r}")

    def end(self) -> None:
        """Forget what was still to be done; the tasks stay as they are, for ever in the middle of what they did."""
        self._ready.clear()
        for task in self.tasks:
            task.quiet()
