"""A sequencer as a process of its own, for tests that kill it: `python -m tests.sequencer.program`."""

import asyncio
import signal

import uvloop
from redis.asyncio import Redis

from openbourse.adapters.feed_valkey import ValkeyFeedWriter
from openbourse.adapters.journal_postgres import PostgresJournal
from openbourse.adapters.lease_postgres import PostgresLease
from openbourse.sequencer.lead import LEASE_TTL_S, holder_name, run_sequencer
from openbourse.sequencer.parts import Parts
from openbourse.settings import announce_ready, read_settings
from tests.sequencer.shard import SECRET


async def main() -> None:
    """Run until SIGTERM."""
    settings = read_settings()
    url = settings.journal_url
    parts = Parts(
        PostgresJournal(url, 0),
        PostgresJournal(url, 0),
        PostgresLease(url, 0, holder_name(), LEASE_TTL_S),
        ValkeyFeedWriter(Redis.from_url(settings.valkey_url), 0),
        settings,
        SECRET,
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await run_sequencer(parts, lambda: announce_ready(settings), stop)


if __name__ == "__main__":
    uvloop.run(main())
