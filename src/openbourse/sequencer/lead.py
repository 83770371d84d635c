"""The sequencer's process: recover, follow as a standby, lead when the lease is free, stop cleanly."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec
import structlog

from openbourse.machine import THIS_MACHINE, Machine
from openbourse.protocol.journal import JournalAway, JournalFault
from openbourse.sequencer.journal import Journal
from openbourse.sequencer.limits import OrderLimits, rebuild
from openbourse.sequencer.publisher import FeedWriter, Publisher
from openbourse.sequencer.recovery import ReplayDiverged, Replica, catch_up, recover
from openbourse.sequencer.sequencer import Sequencer
from openbourse.settings import ProcessSettings

log: Final = structlog.get_logger()

LEASE_TTL_S: Final = 1.5
RENEW_EVERY_S: Final = 0.4
SURE_S: Final = 1.3
"""A little less than the lease: until then nobody else can have become the leader by waiting."""
WILDCARD_HOSTS: Final = ("0.0.0.0", "::")
FOLLOW_EVERY_S: Final = 0.1
CLOCK_SKEW_MAX_S: Final = 0.5
SNAPSHOT_EVERY_COMMANDS: Final = 50_000
SNAPSHOTS_KEPT: Final = 3
CANCEL_AGAIN_S: Final = 0.2
REPORT_EVERY_S: Final = 2.0
TAIL_PUBLISHED_AGAIN: Final = 256


class Lease(Protocol):
    """The right to lead, as the sequencer needs it."""

    epoch: int

    async def clock_skew_s(self, now_s: float) -> float: ...
    async def take(self, address: str) -> bool: ...
    async def renew(self) -> None: ...
    async def give_up(self) -> None: ...


@dataclass
class Parts:
    """What wiring hands over."""

    journal: Journal
    snapshots: Journal
    """The same journal over a connection of its own, so that storing a snapshot never waits in front of an append."""
    lease: Lease
    writer: FeedWriter
    settings: ProcessSettings
    secret: bytes
    """What gateways prove that they know."""
    machine: Machine = THIS_MACHINE
    snapshot_every_commands: int = SNAPSHOT_EVERY_COMMANDS


async def run_sequencer(parts: Parts, on_ready: Callable[[], None], stop: asyncio.Event) -> None:
    """Run one replica of the shard until stopped: standby first, leader when the lease allows.

    `on_ready` is called once, when this replica leads or follows another leader. Raises JournalFault, after which the
    process must end: a former leader comes back only by a fresh start.
    """
    replica = await _patiently(lambda: recover(parts.journal), stop)
    if replica is None:
        return
    ready = _Once(on_ready)
    listener = parts.machine.listen(parts.settings.intake_host, parts.settings.intake_port)
    try:
        if not await _become_leader(parts, replica, _address(listener), stop, ready):
            return
        await _lead(parts, replica, listener, stop, ready)
    finally:
        listener.close()


class _Once:
    """Calls a function the first time only."""

    def __init__(self, function: Callable[[], None]) -> None:
        self._function = function
        self._is_done = False

    def __call__(self) -> None:
        if not self._is_done:
            self._is_done = True
            self._function()


def _address(listener: socket.socket) -> str:
    """Return where gateways reach the listener: a wildcard host stands for this machine's own address."""
    host, port = listener.getsockname()[:2]
    if host in WILDCARD_HOSTS:
        host = socket.gethostbyname(socket.gethostname())
    return f"{host}:{port}"


async def _patiently(work: Callable[[], Awaitable[Replica]], stop: asyncio.Event) -> Replica | None:
    """Do the work as soon as the journal can be reached."""
    while not stop.is_set():
        try:
            return await work()
        except JournalAway as fault:
            log.warning("waiting for the journal", why=str(fault))
            await asyncio.sleep(FOLLOW_EVERY_S)
    return None


async def _become_leader(
    parts: Parts, replica: Replica, address: str, stop: asyncio.Event, on_standby: Callable[[], None]
) -> bool:
    """Follow the journal until the lease is ours; False when stopped before."""
    while not stop.is_set():
        try:
            while await catch_up(parts.journal, replica):
                pass
            skew = await parts.lease.clock_skew_s(parts.machine.now_us() / 1e6)
            if abs(skew) > CLOCK_SKEW_MAX_S:
                log.error("this clock is off the database's; not leading", seconds=round(skew, 3))
            elif await parts.lease.take(address):
                await _stand_at_the_end(parts, replica)
                return True
            else:
                on_standby()
        except JournalAway as fault:
            log.warning("waiting for the journal", why=str(fault))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FOLLOW_EVERY_S):
                await stop.wait()
    return False


async def _stand_at_the_end(parts: Parts, replica: Replica) -> None:
    """Read the tail under the own epoch. Raises ReplayDiverged when this replica has seen what the journal does not hold."""
    while await catch_up(parts.journal, replica):
        pass
    # Settled: the former leader's last batch may be visible here before a standby of the database has it.
    if (await parts.journal.settled(parts.lease.epoch)).hash != replica.head.hash:
        raise ReplayDiverged(f"the journal does not end where this replica stands, at sequence {replica.head.sequence}")


async def _publish_tail(journal: Journal, replica: Replica, publisher: Publisher) -> None:
    """Publish the newest batches again: the former leader may have died between commit and publishing."""
    publisher.committed = replica.head.sequence
    for row in await journal.read(max(0, replica.head.sequence - TAIL_PUBLISHED_AGAIN), TAIL_PUBLISHED_AGAIN):
        publisher.put_row(row)


async def _lead(
    parts: Parts, replica: Replica, listener: socket.socket, stop: asyncio.Event, on_leading: Callable[[], None]
) -> None:
    """Serve gateways until stopped, then hand over: drain, give the lease up, let gateways go, store a snapshot."""
    venue = parts.settings.venue
    publisher = Publisher(parts.writer)
    await publisher.begin(replica.head.sequence)
    await _publish_tail(parts.journal, replica, publisher)
    limits = OrderLimits(venue.orders_per_10s, venue.orders_per_day)
    await rebuild(limits, parts.journal, parts.machine.now_us())
    sequencer = Sequencer(
        venue.shard, parts.lease.epoch, replica, parts.journal, publisher, limits, parts.secret, parts.machine
    )
    await parts.lease.renew()
    sequencer.intake.renewed(parts.machine.monotonic_s() + SURE_S)
    server = await asyncio.get_running_loop().create_server(sequencer.intake.connect, sock=listener)
    on_leading()
    log.info("leading", epoch=parts.lease.epoch, sequence=replica.head.sequence, address=_address(listener))
    try:
        await _serve(parts, sequencer, publisher, stop)
        server.close()
        await parts.lease.give_up()
        for connection in list(sequencer.intake.connections):
            connection.finish()
        try:
            await _store(parts.snapshots, sequencer.copy_at_end())
        except JournalAway as fault:
            log.warning("no snapshot on the way out; the next start replays a longer tail", why=str(fault))
    finally:
        server.close()
        for connection in list(sequencer.intake.connections):
            connection.close()


async def _serve(parts: Parts, sequencer: Sequencer, publisher: Publisher, stop: asyncio.Event) -> None:
    """Run the loop and what goes beside it; the first that fails ends all."""
    loop = asyncio.create_task(sequencer.run())
    beside = [
        asyncio.create_task(publisher.run()),
        asyncio.create_task(_keep_lease(parts.lease, sequencer, parts.machine)),
        asyncio.create_task(_keep_snapshots(parts.snapshots, sequencer, parts.snapshot_every_commands)),
        asyncio.create_task(_report(sequencer, publisher)),
        asyncio.create_task(_await_stop(stop, sequencer)),
    ]
    waiting = {loop, *beside}
    try:
        while not loop.done():
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        if not loop.done():
            # An append may be under way. Cancelling it would ask the database to cancel the commit; hanging up does not.
            parts.journal.abort()
        await _end([loop, *beside])


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel until each task has ended: a driver may swallow a cancellation that meets its own time-out."""
    remaining = {task for task in tasks if not task.done()}
    while remaining:
        for task in remaining:
            task.cancel()
        _, remaining = await asyncio.wait(remaining, timeout=CANCEL_AGAIN_S)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # seen: what failed first is being raised already


async def _await_stop(stop: asyncio.Event, sequencer: Sequencer) -> None:
    await stop.wait()
    sequencer.stop()


async def _keep_lease(lease: Lease, sequencer: Sequencer, machine: Machine) -> None:
    """Renew while leading. A database that cannot be reached is no reason to end: the append's epoch check decides."""
    while True:
        await asyncio.sleep(RENEW_EVERY_S)
        began = machine.monotonic_s()
        try:
            await lease.renew()
        except JournalAway as fault:
            log.warning("lease not renewed", why=str(fault))
        else:
            sequencer.intake.renewed(began + SURE_S)


async def _keep_snapshots(journal: Journal, sequencer: Sequencer, every_commands: int) -> None:
    taken = sequencer.committed.sequence
    while True:
        await asyncio.sleep(REPORT_EVERY_S)
        if sequencer.committed.sequence - taken < every_commands:
            continue
        try:
            await _store_snapshot(journal, sequencer)
            taken = sequencer.committed.sequence
        except JournalFault as fault:
            log.warning("snapshot not stored", why=str(fault))


async def _store_snapshot(journal: Journal, sequencer: Sequencer) -> None:
    """Copy committed state between two batches, write it out beside the trading."""
    await _store(journal, await sequencer.copy())


async def _store(journal: Journal, replica: Replica) -> None:
    if replica.head.sequence == 0:
        return
    snapshot = await asyncio.to_thread(replica.snapshot)
    await journal.save_snapshot(snapshot, SNAPSHOTS_KEPT)
    log.info("snapshot", sequence=snapshot.sequence, bytes=len(snapshot.state))


async def _report(sequencer: Sequencer, publisher: Publisher) -> None:
    """Leave the counters where the monitor finds them."""
    while True:
        await asyncio.sleep(REPORT_EVERY_S)
        counters = sequencer.counters
        counters.overloaded = sequencer.intake.overloaded
        counters.queue = len(sequencer.intake.queue)
        await publisher.report("sequencer", msgspec.json.encode(counters))


def holder_name() -> str:
    """Return who holds a lease: host and process."""
    return f"{socket.gethostname()}:{os.getpid()}"
