"""Connections of one process: opened when first asked for, closed together."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, Self

from redis.asyncio import Redis

from openbourse import listings
from openbourse.adapters.connection_valkey import open_client
from openbourse.adapters.feed_valkey import READ_SELDOM_S, ValkeyFeed
from openbourse.adapters.identity_valkey import ValkeyAttempts, ValkeyKeyChannel
from openbourse.adapters.intake_tcp import TcpIntake
from openbourse.adapters.journal_postgres import PostgresJournal
from openbourse.adapters.lease_postgres import LeaderLookup
from openbourse.adapters.objects import open_objects
from openbourse.adapters.pool_postgres import PostgresPool
from openbourse.adapters.replica_postgres import ReplicaPool
from openbourse.adapters.secrets import MasterKey, Passwords, public_key_kind
from openbourse.archive.whole import WholeJournal
from openbourse.identity.device_cookies import DeviceCookies
from openbourse.identity.funds import TestFunds
from openbourse.identity.gateway import GatewayKeys
from openbourse.identity.keys import Keys
from openbourse.identity.second_factor import SecondFactors
from openbourse.identity.store import Store
from openbourse.identity.users import Users
from openbourse.settings import ProcessSettings, SettingsError
from openbourse.wiring.telemetry import Telemetry

POOL_CONNECTIONS: Final = 8
STATEMENT_S: Final = 15


class Stores:
    """What a process talks to; use as an asynchronous context."""

    def __init__(self, settings: ProcessSettings, roles: tuple[str, ...] = ()) -> None:
        self.settings = settings
        self.telemetry = Telemetry(settings, roles)
        self.closing = AsyncExitStack()
        self._database: PostgresPool | None = None
        self._valkey: Redis | None = None
        self._intake: TcpIntake | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *fault: object) -> None:
        await self.closing.aclose()

    async def database(self) -> PostgresPool:
        """Return the pool of connections to projections, identity and wallet. Raises DatabaseAway."""
        if self._database is None:
            self._database = await PostgresPool.open(self.settings.database_url, POOL_CONNECTIONS, STATEMENT_S)
            self.closing.callback(self._database.terminate)
        return self._database

    async def replica(self) -> ReplicaPool | None:
        """Return a new pool of connections to the replica, if there is one; it may be away."""
        if not self.settings.reader_url:
            return None
        replica = await ReplicaPool.open(self.settings.reader_url)
        self.closing.callback(replica.terminate)
        return replica

    def journal(self) -> PostgresJournal:
        """Return a new reader or writer of the journal, with a connection of its own."""
        journal = PostgresJournal(self.settings.journal_url, self.settings.venue.shard)
        self.closing.push_async_callback(journal.close)
        return journal

    def new_valkey(self) -> Redis:
        """Return a client of its own: a reader that waits inside Valkey must not hold up others."""
        client = open_client(self.settings.valkey_url)
        self.closing.push_async_callback(client.aclose)
        return client

    def valkey(self) -> Redis:
        """Return the client that short commands share."""
        if self._valkey is None:
            self._valkey = self.new_valkey()
        return self._valkey

    def feed(self) -> ValkeyFeed:
        """Return a new follower of the feed, for whoever begins where the rows stand; it may raise JournalDropped."""
        return ValkeyFeed(self.new_valkey(), self.settings.venue.shard, self.journal().read)

    def whole_feed(self) -> ValkeyFeed:
        """Return a new follower of the feed from any sequence: what was dropped comes from the archive. For roles that give way."""
        shard = self.settings.venue.shard
        whole = WholeJournal(self.journal(), open_objects(self.settings.objects_url("archive")), shard)
        return ValkeyFeed(self.new_valkey(), shard, whole.read, READ_SELDOM_S)

    async def intake(self) -> TcpIntake:
        """Return the way to the sequencer."""
        if self._intake is None:
            find_leader = LeaderLookup(self.settings.journal_url, self.settings.venue.shard)
            self.closing.callback(find_leader.close)
            self._intake = TcpIntake(find_leader, self.intake_secret())
            await self._intake.start()
            self.closing.push_async_callback(self._intake.close)
        return self._intake

    def master_key(self) -> MasterKey:
        """Return the key that API secrets are sealed with. Raises SettingsError without one."""
        if self.settings.master_key:
            return MasterKey.from_text(self.settings.master_key)
        path: Path | None = self.settings.master_key_file
        if path is None:
            raise SettingsError(
                "OPENBOURSE_MASTER_KEY must be 64 hexadecimal characters, or …_FILE name a file of them"
            )
        return MasterKey.from_file(path)

    def intake_secret(self) -> bytes:
        """Return what gateways prove to the sequencer that they know."""
        return self.master_key().derive("intake")

    async def keys(self) -> Keys:
        """Return the API keys, unheard of removals until `follow_removals` runs."""
        channel = ValkeyKeyChannel(self.new_valkey())
        return Keys(Store(await self.database()), self.master_key(), channel, public_key_kind)

    async def gateway_keys(self) -> GatewayKeys | None:
        """Return users' keys of the API gateway, where one stands in front."""
        if not self.settings.gateway_plan:
            return None
        from openbourse.adapters.gateway_keys_aws import AwsGatewayKeys

        plan = self.settings.gateway_plan
        return GatewayKeys(Store(await self.database()), self.master_key(), AwsGatewayKeys(plan), plan)

    async def users(self, passwords: Passwords) -> Users:
        """Return signing up and in."""
        store, attempts = Store(await self.database()), ValkeyAttempts(self.valkey())
        second_factors = SecondFactors(store, self.master_key(), attempts)
        device_cookies = DeviceCookies(self.master_key().derive("device cookies"))
        return Users(store, passwords, attempts, await self.intake(), second_factors, device_cookies)

    async def test_funds(self) -> TestFunds | None:
        """Return test funds where the venue gives them."""
        if not self.settings.venue.test_funds:
            return None
        return TestFunds(Store(await self.database()), await self.intake(), listings.ASSETS)
