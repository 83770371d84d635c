"""One shard for tests: replicas as tasks, gateways, a feed, over real stores."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import asyncpg
from redis.asyncio import Redis

from openbourse.adapters.feed_valkey import ValkeyFeed, ValkeyFeedWriter
from openbourse.adapters.intake_tcp import TcpIntake
from openbourse.adapters.journal_postgres import PostgresJournal
from openbourse.adapters.lease_postgres import LeaderLookup, PostgresLease
from openbourse.engine import Engine
from openbourse.protocol import commands
from openbourse.protocol.amounts import UNIT
from openbourse.protocol.instruments import Instrument
from openbourse.sequencer.fence import Fence, FencedLease
from openbourse.sequencer.lead import run_sequencer
from openbourse.sequencer.parts import SNAPSHOT_EVERY_COMMANDS, NoWitness, Parts, Witness
from openbourse.sequencer.photograph import Forked, Photograph
from openbourse.sequencer.tables import create_schema
from openbourse.settings import ProcessSettings


def far() -> int:
    """Return a not-after time that no test reaches."""
    return time.time_ns() // 1_000 + 60_000_000


PAIR = Instrument(
    instrument=1,
    symbol="BTCUSDT",
    base=1,
    quote=2,
    price_min=0,
    price_max=0,
    tick=UNIT // 100,
    quantity_min=1_000,
    quantity_max=10**6 * UNIT,
    step=1_000,
    notional_min=0,
)
SET_UP: list[commands.Command] = [
    commands.CreateAsset(1, "BTC"),
    commands.CreateAsset(2, "USDT"),
    commands.ListInstrument(PAIR),
    commands.OpenAccount(1_000),
    commands.CreditDeposit(1_000, 2, 10**6 * UNIT, bytes(32)),
]


def buy(name: str, price: int = 100) -> commands.PlaceOrder:
    return commands.PlaceOrder(
        account=1_000,
        instrument=1,
        side=1,
        type=1,
        time_in_force=1,
        price=price * UNIT,
        quantity=UNIT // 1_000,
        client_id=name,
    )


@dataclass
class Replica:
    """A running sequencer process, as tasks."""

    stop: asyncio.Event
    ready: asyncio.Event
    task: asyncio.Task[None]

    async def end(self) -> None:
        self.stop.set()
        await asyncio.wait_for(self.task, 10)


SECRET = b"of the tests"


class Shard:
    """What replicas of one shard share."""

    def __init__(self, settings: ProcessSettings) -> None:
        self.settings = settings

    def start(
        self,
        name: str,
        journal: PostgresJournal | None = None,
        checkpoint_every: int = SNAPSHOT_EVERY_COMMANDS,
        photograph: Callable[[Engine], Photograph] = Forked,
        witness: Witness | None = None,
        fence: Fence | None = None,
    ) -> Replica:
        url = self.settings.journal_url
        lease = PostgresLease(url, 0, name, 1.5)
        parts = Parts(
            journal or PostgresJournal(url, 0),
            PostgresJournal(url, 0),
            lease if fence is None else FencedLease(lease, fence),
            ValkeyFeedWriter(Redis.from_url(self.settings.valkey_url), 0),
            self.settings,
            SECRET,
            name=name,
            snapshot_every_commands=checkpoint_every,
            photograph=photograph,
            witness=witness or NoWitness(),
        )
        stop, ready = asyncio.Event(), asyncio.Event()
        return Replica(stop, ready, asyncio.create_task(run_sequencer(parts, ready.set, stop)))

    @contextlib.asynccontextmanager
    async def gateway(self) -> AsyncIterator[TcpIntake]:
        find_leader = LeaderLookup(self.settings.journal_url, 0)
        intake = TcpIntake(find_leader, SECRET)
        await intake.start()
        yield intake
        await intake.close()
        find_leader.close()

    def feed(self) -> ValkeyFeed:
        journal = PostgresJournal(self.settings.journal_url, 0)
        return ValkeyFeed(Redis.from_url(self.settings.valkey_url), 0, journal.read)


async def migrate(settings: ProcessSettings) -> None:
    """Create the journal's tables."""
    connection = await asyncpg.connect(settings.journal_url)
    await create_schema(connection)
    await connection.close()
