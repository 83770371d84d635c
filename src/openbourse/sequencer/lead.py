"""The sequencer's process: recover, follow as a standby, lead when the lease is free, stop cleanly."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
import structlog

from openbourse.machine import Machine
from openbourse.protocol.journal import JournalAway, Standing
from openbourse.sequencer.checkpoints import Checkpoints
from openbourse.sequencer.intake import Intake
from openbourse.sequencer.limits import OrderLimits
from openbourse.sequencer.loss import remember
from openbourse.sequencer.parts import HAND_OVER, Lease, Parts
from openbourse.sequencer.publisher import Publisher
from openbourse.sequencer.recovery import ReplayDiverged, Replica, recover
from openbourse.sequencer.reopening import Reopening
from openbourse.sequencer.sequencer import Sequencer
from openbourse.sequencer.standby import Standby, patiently, stay_diverged

log: Final = structlog.get_logger()

LEASE_TTL_S: Final = 1.5
RENEW_EVERY_S: Final = 0.4
PROVE_AGAIN_S: Final = 0.1
INSIST_SECONDS_MAX: Final = 30.0
"""How long a taker tries to reach the journal before it serves."""
WILDCARD_HOSTS: Final = ("0.0.0.0", "::")
CANCEL_AGAIN_S: Final = 0.2
REPORT_EVERY_S: Final = 2.0


async def run_sequencer(parts: Parts, on_ready: Callable[[], None], stop: asyncio.Event) -> None:
    """Run one replica of the shard until stopped: standby first, leader when the lease allows.

    `on_ready` is called once, when this replica leads or follows another leader. Raises JournalFault, after which the
    process must end: a former leader comes back only by a fresh start.
    """
    venue = parts.settings.venue
    limits = OrderLimits(venue.orders_per_10s, venue.orders_per_day)
    replica = await patiently(lambda: recover(parts.journal, limits), stop)
    if replica is None:
        return
    ready, checkpoints = _Once(on_ready), Checkpoints(parts, replica)
    listener = parts.machine.listen(parts.settings.intake_host, parts.settings.intake_port)
    try:
        standby = Standby(parts, replica, checkpoints)
        if await standby.become_leader(_address(listener), stop, ready):
            await _lead(parts, replica, checkpoints, listener, stop, ready, standby.clock_began_us)
    except ReplayDiverged as fault:
        log.error("this replica has diverged", sequence=replica.head.sequence, why=str(fault))
        await stay_diverged(parts, replica, stop)
        raise
    finally:
        listener.close()
        await checkpoints.end()


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


class Standbys:
    """The leader's view of those who stand by."""

    def __init__(self) -> None:
        self.following: list[Standing] = []
        self.away = 0
        """How many that followed once do so no more."""
        self._most = 0

    async def look(self, lease: Lease) -> None:
        """Look again; say it when one is lost or comes back."""
        before = {standing.holder for standing in self.following}
        try:
            found = await lease.standbys()
        except JournalAway as fault:
            log.warning("standbys not seen", why=str(fault))
            return
        self.following = [standing for standing in found if standing.may_lead]
        self._most = max(self._most, len(self.following))
        self.away = self._most - len(self.following)
        now = {standing.holder for standing in self.following}
        if before - now:
            log.warning("standby lost", lost=sorted(before - now), following=sorted(now))
        elif now - before:
            log.info("standby follows", following=sorted(now))


async def _lead(
    parts: Parts,
    replica: Replica,
    checkpoints: Checkpoints,
    listener: socket.socket,
    stop: asyncio.Event,
    on_leading: Callable[[], None],
    clock_began_us: int,
) -> None:
    """Serve gateways until stopped, then hand over: drain, give the lease up, let gateways go.

    Where nobody stands by a snapshot is stored on the way out.
    """
    venue = parts.settings.venue
    publisher, standbys = Publisher(parts.writer), Standbys()
    checkpoints.lead(lambda: not standbys.following)
    await publisher.begin(replica.head.sequence)
    # The newest batches again: the former leader may have died between commit and publishing. Older ones have readers
    # that know where they stand and take what they miss from the journal.
    for row in replica.recent:
        publisher.put_row(row)
    assert replica.limits is not None, "a replica that is to lead counts orders"
    sequencer = Sequencer(
        venue.shard,
        parts.lease.epoch,
        replica,
        parts.journal,
        publisher,
        replica.limits,
        parts.secret,
        parts.machine,
        clock_began_us,
    )
    reopening = Reopening(parts, replica, sequencer)
    await _insist(parts.machine, lambda: reopening.begin(parts.lease.vacant_s))
    if venue.reopen_after_s:
        sequencer.outage_s, sequencer.after_outage = float(venue.reopen_after_s), reopening.after
    await _insist(parts.machine, parts.lease.renew)
    server = await asyncio.get_running_loop().create_server(sequencer.intake.connect, sock=listener)
    on_leading()
    log.info("leading", epoch=parts.lease.epoch, sequence=replica.head.sequence, address=_address(listener))
    try:
        await _serve(parts, sequencer, publisher, standbys, reopening, stop)
        server.close()
        await parts.lease.give_up()
        for connection in list(sequencer.intake.connections):
            connection.finish()
        if not standbys.following:
            await checkpoints.store_now(replica)
    finally:
        server.close()
        for connection in list(sequencer.intake.connections):
            connection.close()


async def _insist(machine: Machine, work: Callable[[], Awaitable[None]]) -> None:
    """Do what a taker has to do before it serves, again while the journal is away: its connections may be to a host that is lost.

    A taker that ended for it would leave the venue to those that are still starting.
    """
    limit = machine.monotonic_s() + INSIST_SECONDS_MAX
    while True:
        try:
            await work()
            return
        except JournalAway as fault:
            log.warning("not serving yet", why=str(fault))
            if machine.monotonic_s() > limit:
                raise
        await asyncio.sleep(PROVE_AGAIN_S)


async def _serve(
    parts: Parts,
    sequencer: Sequencer,
    publisher: Publisher,
    standbys: Standbys,
    reopening: Reopening,
    stop: asyncio.Event,
) -> None:
    """Run the loop and what goes beside it; the first that fails ends all."""
    loop = asyncio.create_task(sequencer.run())
    beside = [
        asyncio.create_task(publisher.run()),
        asyncio.create_task(_keep_lease(parts.lease, parts.machine, stop)),
        asyncio.create_task(_prove(parts.lease, sequencer.intake)),
        asyncio.create_task(_report(parts, sequencer, publisher, standbys)),
        asyncio.create_task(reopening.run()),
        asyncio.create_task(remember(parts, sequencer)),
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


async def _keep_lease(lease: Lease, machine: Machine, stop: asyncio.Event) -> None:
    """Renew while leading. A database that cannot be reached is no reason to end: the append's epoch check decides."""
    renewed = machine.monotonic_s()
    while True:
        news = await lease.await_news(max(0.0, renewed + RENEW_EVERY_S - machine.monotonic_s()))
        try:
            if news == HAND_OVER and await _has_successor(lease):
                stop.set()
            renewed = machine.monotonic_s()
            await lease.renew()
        except JournalAway as fault:
            log.warning("lease not renewed", why=str(fault))


async def _prove(lease: Lease, intake: Intake) -> None:
    """Prove that this epoch leads to those who ask how far the journal goes and whom no append answers. Raises Deposed."""
    while True:
        await intake.unproven.wait()
        asked = intake.asked
        try:
            await lease.prove()
        except JournalAway as fault:
            log.warning("leadership not proven", why=str(fault))
            await asyncio.sleep(PROVE_AGAIN_S)
        else:
            intake.proven(asked)


async def _has_successor(lease: Lease) -> bool:
    """Tell whether a standby could take over at once. Raises JournalAway."""
    standbys = await lease.standbys()
    is_there = any(standing.may_lead for standing in standbys)
    log.info("asked to hand over", is_done=is_there, standbys=[(each.holder, each.state) for each in standbys])
    return is_there


async def _report(parts: Parts, sequencer: Sequencer, publisher: Publisher, standbys: Standbys) -> None:
    """Look how the standbys do, and leave the counters where the monitor finds them."""
    while True:
        await standbys.look(parts.lease)
        counters = sequencer.counters
        counters.overloaded = sequencer.intake.overloaded
        counters.queue = len(sequencer.intake.queue)
        counters.standbys = len(standbys.following)
        counters.standbys_away = standbys.away
        await publisher.report("sequencer", msgspec.json.encode(counters))
        await asyncio.sleep(REPORT_EVERY_S)


def holder_name() -> str:
    """Return who holds a lease: host and process."""
    return f"{socket.gethostname()}:{os.getpid()}"
