"""Sees what code under test keeps to itself: its log, and the replicas that it recovers."""

import asyncio
import contextlib
import hashlib
from collections.abc import Iterator, MutableMapping
from typing import Any

import structlog

from openbourse.engine import Engine
from openbourse.protocol.journal import BatchRow
from openbourse.sequencer import lead
from openbourse.sequencer.journal import Journal
from openbourse.sequencer.limits import OrderLimits
from openbourse.sequencer.recovery import Replica
from sim.cluster.loop import HostLoop
from sim.cluster.venue import Venue


def replayed_hash(rows: list[BatchRow]) -> str:
    """Return the state hash of an engine that has applied the journal from its first batch."""
    engine = Engine()
    try:
        for row in rows:
            engine.apply(row.first_sequence, row.time_us, row.commands)
    except ValueError as fault:
        return f"none: the journal cannot be replayed: {fault}"
    return hashlib.sha256(engine.snapshot()).hexdigest()


@contextlib.contextmanager
def observed(venue: Venue) -> Iterator[None]:
    """Put the log into the trace, and remember which replica each sequencer has recovered, while the block runs."""
    recover = lead.recover  # type: ignore[attr-defined]
    configuration = structlog.get_config()

    async def watched(journal: Journal, limits: OrderLimits | None = None) -> Replica:
        replica = await recover(journal, limits)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, HostLoop), "the simulated process's"
        venue.replicas[loop.host.name] = replica
        return replica

    def note(_logger: Any, method: str, event: MutableMapping[str, Any]) -> Any:
        loop = asyncio.get_running_loop()
        name = loop.host.name if isinstance(loop, HostLoop) else "-"
        if "has diverged" in str(event.get("event")):
            venue.diverged.add(name)
            venue.history.counts["diverged"] = venue.history.counts.get("diverged", 0) + 1
        if "carrier is away" in str(event.get("event")):
            venue.history.counts["feed away"] = 1
        rest = " ".join(f"{key}={event[key]}" for key in event if key != "event")
        venue.world.note(name, f"{method}: {event.get('event')} {rest}".rstrip())
        raise structlog.DropEvent

    structlog.configure(processors=[note], cache_logger_on_first_use=False)
    lead.recover = watched  # type: ignore[attr-defined]
    try:
        yield
    finally:
        lead.recover = recover  # type: ignore[attr-defined]
        structlog.configure(**configuration)
