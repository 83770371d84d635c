"""Runs the roles of one process: builds them, says when all serve, ends them in order on a signal."""

import asyncio
import contextlib
import gc
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, Final

import structlog

from openbourse.adapters.feed_valkey import ValkeyFeedWriter
from openbourse.adapters.lease_postgres import PostgresLease
from openbourse.adapters.region_dns import trading_address
from openbourse.adapters.region_postgres import PostgresGivenUp
from openbourse.adapters.witness_file import FileWitness
from openbourse.machine import THIS_MACHINE
from openbourse.monitor.api import Monitor
from openbourse.monitor.health import Health
from openbourse.monitor.metrics import Metrics
from openbourse.roles import EDGE_ROLES, Turn
from openbourse.sequencer.fence import Fence, FencedLease
from openbourse.sequencer.lead import LEASE_TTL_S, holder_name, run_sequencer
from openbourse.sequencer.parts import Lease, Parts
from openbourse.settings import ProcessSettings, announce_ready, announce_stopping
from openbourse.wiring.logs import set_up_logs
from openbourse.wiring.probes import answering
from openbourse.wiring.stores import Stores
from openbourse.wiring.telemetry import ToldWriter, watch_history

log: Final = structlog.get_logger()

BEHIND_THE_SCENES: Final = frozenset({"notifier", "archive", "history"})
GIVES_WAY: Final = 5
"""By how much such a process is nicer than one that somebody waits for."""
AUTOGROUP: Final = Path("/proc/self/autogroup")
Run = Callable[[Callable[[], None], asyncio.Event], Awaitable[None]]
"""Runs a role until the event is set; calls the first argument when it serves."""


async def run_roles(roles: tuple[str, ...], settings: ProcessSettings) -> None:
    """Run roles in this process until SIGTERM or SIGINT; tell the supervisor once all serve."""
    set_up_logs(roles)
    if set(roles) <= BEHIND_THE_SCENES:
        give_way()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def begin_to_stop() -> None:
        announce_stopping(settings)
        stop.set()

    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, begin_to_stop)
    async with Stores(settings, roles) as stores:
        runs = _runs(roles, stores)
        waiting = set(range(len(runs)))

        def ready(number: int) -> Callable[[], None]:
            def say() -> None:
                waiting.discard(number)
                if not waiting:
                    set_aside_what_stays()
                    log.info("ready")
                    announce_ready(settings)

            return say

        async def run(number: int, work: Run) -> None:
            await work(ready(number), stop)
            # A role that has ended without being asked to must not leave its process half alive.
            stop.set()

        async with _probed(roles, stores, waiting, stop), asyncio.TaskGroup() as tasks:
            beside = [tasks.create_task(work) for work in _beside(roles, stores)]
            working = [tasks.create_task(run(number, work)) for number, work in enumerate(runs)]
            await asyncio.wait(working)
            for task in beside:
                task.cancel()
    log.info("stopped")


def give_way() -> None:
    """Let processes go first that somebody waits for."""
    os.nice(GIVES_WAY)
    # Where the kernel shares the cores out to sessions, niceness counts within one's own only: the session's is set, too,
    # if it is all ours and not that of somebody's terminal.
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):
            AUTOGROUP.write_text(str(GIVES_WAY))


def set_aside_what_stays() -> None:
    """Take what was made for good out of the collector's sight.

    Whatever a process is made of stays until its end. To look through it again stops every turn of the loop for as long as
    that takes, a tenth of a second and more on a busy machine, and it comes when most is asked of the process.
    """
    gc.collect()
    gc.freeze()


@contextlib.asynccontextmanager
async def _probed(
    roles: tuple[str, ...], stores: Stores, waiting: set[int], stop: asyncio.Event
) -> AsyncIterator[None]:
    """Answer probes meanwhile, where a port for them is set and no edge answers them."""
    settings = stores.settings
    if not settings.health_port or set(roles) & set(EDGE_ROLES):
        yield
        return

    async def begun() -> str:
        return "not all roles serve yet" if waiting else ""

    async def nothing_left() -> Mapping[str, bytes]:
        return {}

    metrics = Metrics(stores.telemetry.sources, nothing_left)
    monitor = Monitor(Health({"roles": begun}, list), metrics, settings.metrics_token, stop.is_set)
    async with answering(monitor, settings.host, settings.health_port):
        yield


def _beside(roles: tuple[str, ...], stores: Stores) -> list[Coroutine[Any, Any, None]]:
    """Return what goes beside the roles: it ends with them, and none of them needs it."""
    writer = ValkeyFeedWriter(stores.new_valkey(), stores.settings.venue.shard)
    beside = [stores.telemetry.run(writer.report)]
    if "history" in roles:
        beside.append(watch_history(stores))
    return beside


def _runs(roles: tuple[str, ...], stores: Stores) -> list[Run]:
    """Return what runs the roles. A process imports what its own ask for: half of a start is imports, and somebody waits for it."""
    runs: list[Run] = []
    edges = tuple(role for role in EDGE_ROLES if role in roles)
    if edges:
        from openbourse.wiring.edge import run_edge

        runs.append(lambda ready, stop: run_edge(edges, stores, ready, stop))
    if "sequencer" in roles:
        runs.append(lambda ready, stop: _run_sequencer(stores, ready, stop))
    if "history" in roles:
        from openbourse.wiring.history import run_history

        runs.append(lambda ready, stop: run_history(stores, ready, stop))
    if "notifier" in roles:
        from openbourse.wiring.notifier import run_notifier

        runs.append(lambda ready, stop: run_notifier(stores, ready, stop))
    if "archive" in roles:
        from openbourse.wiring.archive import run_archive

        runs.append(lambda ready, stop: run_archive(stores, ready, stop))
    if "demo" in roles:
        from openbourse.wiring.demo import run_demo

        runs.append(lambda ready, stop: run_demo(stores.settings, ready, stop))
    return runs


async def _run_sequencer(stores: Stores, ready: Callable[[], None], stop: asyncio.Event) -> None:
    settings = stores.settings
    shard = settings.venue.shard
    lease = PostgresLease(settings.journal_url, shard, holder_name(), LEASE_TTL_S)
    stores.closing.push_async_callback(lease.close)
    writer = ToldWriter(ValkeyFeedWriter(stores.new_valkey(), shard), stores.telemetry)
    secret = stores.intake_secret()
    name = "" if settings.ready_file is None else settings.ready_file.stem
    right, fence = fenced(stores, lease)
    parts = Parts(
        *(stores.journal(), stores.journal(), right, writer, settings, secret),
        name=name or holder_name().partition(":")[0],
        witness=FileWitness(settings.data_dir, shard),
    )
    if fence is None:
        await run_sequencer(parts, ready, stop)
        return
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(fence.watch())
        await run_sequencer(parts, ready, stop)
        watching.cancel()


def fenced(stores: Stores, lease: PostgresLease) -> tuple[Lease, Fence | None]:
    """Return the right to lead, in one of two Regions bound to what is said of who trades."""
    settings = stores.settings
    if not settings.region_name:
        return lease, None
    given_up = PostgresGivenUp(settings.journal_url, settings.venue.shard, settings.region_turn)
    stores.closing.callback(given_up.close)
    fence = Fence(
        Turn(settings.region_turn), lambda: trading_address(settings.region_name), given_up, THIS_MACHINE
    )  # fmt: skip
    return FencedLease(lease, fence), fence
