"""What the roles of a process count, told in three ways: at /metrics, left in Valkey for it, and as lines for CloudWatch."""

import asyncio
import sys
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import asyncpg
import msgspec
import structlog

from openbourse.adapters.feed_valkey import ValkeyFeedWriter
from openbourse.distribution import BOUNDS_US, Distribution
from openbourse.history.store import Store
from openbourse.machine import THIS_MACHINE
from openbourse.monitor.emf import EmfLines, Value
from openbourse.projection.feed import CommittedBatch, FeedAway
from openbourse.protocol.journal import JournalFault
from openbourse.settings import ProcessSettings

log: Final = structlog.get_logger()

LEAVE_EVERY_S: Final = 2.0
BEHIND_EVERY_S: Final = 5.0
BEYOND_US: Final = 2_000_000
"""What the sequencer's last bucket, "more", is told as."""
EDGE_GROUPS: Final = frozenset({"edge", "market", "audit"})
"""Each edge process shows its own at /metrics; what is left in Valkey under one name would be somebody else's."""
Source = Callable[[], Mapping[str, Value]]


class Telemetry:
    """Gathers what the parts of this process count; keeps no count of its own."""

    def __init__(self, settings: ProcessSettings, roles: tuple[str, ...]) -> None:
        self._every_s = settings.emf_every_s
        self._lines = EmfLines(settings.emf_namespace, roles)
        self.sources: dict[str, Source] = {}

    def add(self, group: str, source: Source) -> None:
        """Have a part's counters told from now on, under the names of monitor/slo.py."""
        self.sources[group] = source

    def take(self, name: str, counters: bytes) -> None:
        """Take what a sequencer tells of itself: `sequencer` from a leader, `standby_…` from others."""
        values = msgspec.json.decode(counters, type=dict[str, Any])
        if name == "sequencer":
            self.sources.pop("standby", None)
            told: dict[str, Value] = {
                **_integers(values),
                "leading": 1,
                "append_ms": _buckets(values.get("append_us_buckets", {})),
            }
            self.add("sequencer", lambda: told)
        elif name.startswith("standby_"):
            standing = _integers(values)
            self.add("standby", lambda: standing)

    def line(self) -> bytes:
        """Return the line for CloudWatch."""
        groups = {group: source() for group, source in self.sources.items()}
        return self._lines.line(groups, THIS_MACHINE.now_us() // 1_000)

    async def run(self, leave: Callable[[str, bytes], Awaitable[None]]) -> None:
        """Leave counters in Valkey and write lines, until cancelled; then a last line: what was counted since is told too."""
        try:
            await self._tell(leave)
        finally:
            if self._every_s:
                write_line(self.line())

    async def _tell(self, leave: Callable[[str, bytes], Awaitable[None]]) -> None:
        clock, written_at = asyncio.get_running_loop().time, 0.0
        while True:
            await asyncio.sleep(LEAVE_EVERY_S)
            for group, source in list(self.sources.items()):
                if group in EDGE_GROUPS or group in ("sequencer", "standby"):
                    continue
                try:
                    await leave(group, msgspec.json.encode(_integers(source())))
                except (FeedAway, OSError):
                    break
            if self._every_s and clock() - written_at >= self._every_s:
                written_at = clock()
                write_line(self.line())


def write_line(line: bytes) -> None:
    """Write a line to standard output in one piece: those of several writers must not mingle."""
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


class ToldWriter:
    """The feed's writer; what the sequencer leaves for the monitor is told to CloudWatch as well."""

    def __init__(self, writer: ValkeyFeedWriter, telemetry: Telemetry) -> None:
        self._writer = writer
        self._telemetry = telemetry

    async def begin(self, committed: int) -> None:
        await self._writer.begin(committed)

    async def publish(self, batches: list[CommittedBatch]) -> None:
        await self._writer.publish(batches)

    async def beat(self, committed: int) -> None:
        await self._writer.beat(committed)

    async def report(self, name: str, counters: bytes) -> None:
        self._telemetry.take(name, counters)
        await self._writer.report(name, counters)


class Behind:
    """How many commands a follower lacks, looked at now and then."""

    def __init__(self, head: Callable[[], Awaitable[Any]], cursor: Callable[[], Awaitable[int]]) -> None:
        self._head = head
        self._cursor = cursor
        self.commands = 0
        self.cursor = 0

    async def run(self) -> None:
        """Look again and again."""
        while True:
            try:
                head = (await self._head()).sequence
                self.cursor = await self._cursor()
                self.commands = max(0, head - self.cursor)
            except (OSError, JournalFault, asyncpg.PostgresError) as fault:
                log.warning("not seen how far behind", why=str(fault))
            await asyncio.sleep(BEHIND_EVERY_S)

    def counters(self) -> dict[str, int]:
        """Return what was seen last."""
        return {"cursor": self.cursor, "behind": self.commands}


async def watch_history(stores: Any) -> None:
    """Tell how far the rows are behind the journal, until cancelled."""

    async def cursor() -> int:
        return await Store(await stores.database()).cursor()

    behind = Behind(stores.journal().head, cursor)
    stores.telemetry.add("history", behind.counters)
    await behind.run()


def _integers(values: Mapping[str, Any]) -> dict[str, int]:
    return {name: value for name, value in values.items() if isinstance(value, int)}


def _buckets(counted: Mapping[str, int]) -> Distribution:
    """Return a sequencer's buckets, "at most so many µs", as a distribution."""
    found = Distribution()
    for bound, count in counted.items():
        us = int(bound) if bound.isdigit() else BEYOND_US
        found.counts[min(bisect_left(BOUNDS_US, us), len(BOUNDS_US) - 1)] += count
    return found
