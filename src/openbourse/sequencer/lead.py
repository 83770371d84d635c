"""The sequencer's process: recover, follow as a standby, lead when the lease is free, stop cleanly."""

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec
import structlog

from openbourse.protocol.journal import JournalAway, JournalFault
from openbourse.sequencer.journal import Journal
from openbourse.sequencer.limits import OrderLimits
from openbourse.sequencer.publisher import FeedWriter, Publisher
from openbourse.sequencer.recovery import Replica, catch_up, recover
from openbourse.sequencer.sequencer import Sequencer
from openbourse.settings import ProcessSettings

log: Final = structlog.get_logger()

LEASE_TTL_S: Final = 1.5
RENEW_EVERY_S: Final = 0.4
FOLLOW_EVERY_S: Final = 0.1
CLOCK_SKEW_MAX_S: Final = 0.5
SNAPSHOT_EVERY_COMMANDS: Final = 50_000
SNAPSHOTS_KEPT: Final = 3
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


async def run_sequencer(parts: Parts, on_ready: Callable[[], None], stop: asyncio.Event) -> None:
    """Run one replica of the shard until stopped: standby first, leader when the lease allows. Raises JournalFault."""
    replica = await _patiently(lambda: recover(parts.journal), stop)
    if replica is None:
        return
    listener = socket.create_server((parts.settings.intake_host, parts.settings.intake_port))
    address = f"{parts.settings.intake_host}:{listener.getsockname()[1]}"
    if not await _become_leader(parts, replica, address, stop):
        return
    log.info("leading", epoch=parts.lease.epoch, sequence=replica.head.sequence, address=address)
    publisher = Publisher(parts.writer)
    await _publish_tail(parts.journal, replica, publisher)
    venue = parts.settings.venue
    limits = OrderLimits(venue.orders_per_10s, venue.orders_per_day)
    sequencer = Sequencer(venue.shard, parts.lease.epoch, replica, parts.journal, publisher, limits)
    server = await asyncio.get_running_loop().create_server(sequencer.intake.connect, sock=listener)
    on_ready()
    try:
        await _lead(parts, sequencer, publisher, stop)
    finally:
        server.close()
        for connection in list(sequencer.intake.connections):
            connection.close()
    await _store_snapshot(parts.snapshots, sequencer)
    await parts.lease.give_up()


async def _patiently(work: Callable[[], Awaitable[Replica]], stop: asyncio.Event) -> Replica | None:
    """Do the work as soon as the journal can be reached."""
    while not stop.is_set():
        try:
            return await work()
        except JournalAway as fault:
            log.warning("waiting for the journal", why=str(fault))
            await asyncio.sleep(FOLLOW_EVERY_S)
    return None


async def _become_leader(parts: Parts, replica: Replica, address: str, stop: asyncio.Event) -> bool:
    """Follow the journal until the lease is ours; False when stopped before."""
    while not stop.is_set():
        try:
            while await catch_up(parts.journal, replica):
                pass
            skew = await parts.lease.clock_skew_s(time.time())
            if abs(skew) > CLOCK_SKEW_MAX_S:
                log.error("this clock is off the database's; not leading", seconds=round(skew, 3))
            elif await parts.lease.take(address):
                while await catch_up(parts.journal, replica):
                    pass
                return True
        except (JournalAway, OSError) as fault:
            log.warning("waiting for the journal", why=str(fault))
        await asyncio.sleep(FOLLOW_EVERY_S)
    return False


async def _publish_tail(journal: Journal, replica: Replica, publisher: Publisher) -> None:
    """Publish the newest batches again: the former leader may have died between commit and publishing."""
    publisher.committed = replica.head.sequence
    for row in await journal.read(max(0, replica.head.sequence - TAIL_PUBLISHED_AGAIN), TAIL_PUBLISHED_AGAIN):
        publisher.put_row(row)


async def _lead(parts: Parts, sequencer: Sequencer, publisher: Publisher, stop: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as tasks:
        beside = [
            tasks.create_task(publisher.run()),
            tasks.create_task(_keep_lease(parts.lease)),
            tasks.create_task(_keep_snapshots(parts.snapshots, sequencer)),
            tasks.create_task(_report(sequencer, publisher)),
            tasks.create_task(_await_stop(stop, sequencer)),
        ]
        await sequencer.run()
        for task in beside:
            task.cancel()


async def _await_stop(stop: asyncio.Event, sequencer: Sequencer) -> None:
    await stop.wait()
    sequencer.stop()


async def _keep_lease(lease: Lease) -> None:
    """Renew while leading. A database that cannot be reached is no reason to end: the append's epoch check decides."""
    while True:
        await asyncio.sleep(RENEW_EVERY_S)
        try:
            await lease.renew()
        except JournalAway as fault:
            log.warning("lease not renewed", why=str(fault))


async def _keep_snapshots(journal: Journal, sequencer: Sequencer) -> None:
    taken = sequencer.committed.sequence
    while True:
        await asyncio.sleep(REPORT_EVERY_S)
        if sequencer.committed.sequence - taken < SNAPSHOT_EVERY_COMMANDS:
            continue
        try:
            await _store_snapshot(journal, sequencer)
            taken = sequencer.committed.sequence
        except JournalFault as fault:
            log.warning("snapshot not stored", why=str(fault))


async def _store_snapshot(journal: Journal, sequencer: Sequencer) -> None:
    """Copy committed state between two batches, write it out beside the trading."""
    replica = await sequencer.copy()
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
