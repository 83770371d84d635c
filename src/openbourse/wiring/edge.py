"""An edge process: operations of every service asked for, on one socket."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any, Final

import asyncpg
import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from openbourse.adapters.listen_keys_valkey import ValkeyListenKeys
from openbourse.adapters.secrets import HashingBusy, Passwords
from openbourse.adapters.weights_valkey import ValkeyWeights
from openbourse.edge.addresses import Addresses
from openbourse.edge.app import App
from openbourse.edge.intake import IntakeFault
from openbourse.edge.listing import Listing
from openbourse.edge.operations import Operation
from openbourse.edge.ratelimit import RateLimiter
from openbourse.edge.server import Limits, serve
from openbourse.edge.sockets import SocketHandler, Sockets
from openbourse.gateway import api as orders
from openbourse.gateway import general
from openbourse.gateway.envelope import OrderAllowance
from openbourse.gateway.session import SocketApi
from openbourse.history import api as history
from openbourse.history.barrier import ReadBarrier
from openbourse.history.replica import Answers, Replica
from openbourse.history.store import Store as HistoryStore
from openbourse.identity import api as identity
from openbourse.identity.keys import Keys
from openbourse.marketdata import api as marketdata
from openbourse.marketdata.bars import BarStore
from openbourse.marketdata.trades import TradeStore
from openbourse.marketdata.view import MarketView
from openbourse.monitor.api import Monitor
from openbourse.monitor.audit import Audit
from openbourse.notifier import api as notifier
from openbourse.notifier.store import Store as NotifierStore
from openbourse.projection.feed import CommittedBatch
from openbourse.protocol.events import Event
from openbourse.protocol.journal import JournalDropped
from openbourse.settings import ProcessSettings, announce_alive
from openbourse.streams import listen_keys as listen_key_api
from openbourse.streams.hub import Hub
from openbourse.streams.sockets import MarketSockets
from openbourse.streams.users import UserHub
from openbourse.wallet import api as wallet
from openbourse.wallet import own_api as own_wallet
from openbourse.wallet.store import Store as WalletStore
from openbourse.wallet.views import Balance, Deposit
from openbourse.wallet.waiting import Waiting
from openbourse.wallet.withdrawals import Withdrawals
from openbourse.wiring.health import Books, monitor_of
from openbourse.wiring.health import routes as health_routes
from openbourse.wiring.instruments import list_venue
from openbourse.wiring.page import SecurityHeaders, page_routes
from openbourse.wiring.patience import await_database
from openbourse.wiring.stores import Stores
from openbourse.wiring.streams import StreamedMarkets

log: Final = structlog.get_logger()

RETRY_S: Final = 0.2
BEAT_S: Final = 0.5
"""How often the supervisor is told that this process still has turns."""


async def run_edge(roles: tuple[str, ...], stores: Stores, ready: Callable[[], None], stop: asyncio.Event) -> None:
    """Serve the roles until stopped, and `leave_s` longer, so that balancers have time to send to others."""
    settings = stores.settings
    gone = asyncio.Event()
    listener = _listen(settings)
    pool, intake = await await_database(stores.database), await stores.intake()
    view = MarketView(Listing())
    barrier_store = HistoryStore(pool)
    barrier = ReadBarrier(intake.committed, barrier_store.cursor)
    keys = await stores.keys()
    limiter = RateLimiter(settings.venue.request_weight_per_minute, ValkeyWeights(stores.new_valkey()))
    proxies = Addresses(settings.trusted_proxies)
    limits = Limits(settings.connections_max, settings.connections_per_address_max, proxies.is_trusted)
    audit = Audit(Books(pool, view))
    alone = dict(settings.venue.withdraw_alone_max), dict(settings.venue.withdraw_alone_day_max)
    withdrawals = Withdrawals(WalletStore(pool), intake, *alone)
    hub, users_hub = Hub(StreamedMarkets(view, pool)), UserHub(view.listing)
    listen_keys = ValkeyListenKeys(stores.valkey(), stores.master_key().derive("listen keys"))
    beside: list[Coroutine[Any, Any, None]] = [
        _follow(view, stores, pool, intake, hub, users_hub),
        limiter.run(),
        keys.follow_removals(),
    ]
    operations: list[Operation] = []
    answers = Answers()
    if "gateway" in roles:
        operations += _trading(
            settings, view, barrier_store, barrier, intake, pool, withdrawals, await stores.replica(), answers
        )
        beside.append(withdrawals.keep_reconciled())
    if "identity" in roles:
        operations += await _own(stores, keys, pool, view.listing, withdrawals, beside)
    if "monitor" in roles:
        waiting = Waiting(WalletStore(pool))
        stores.telemetry.add("withdrawals", waiting.counters)
        beside += [audit.run(), waiting.run()]
    if "gateway" in roles or "streams" in roles:
        # Asked for under the gateway's paths, and over its sockets; presented to the streams.
        operations += listen_key_api.operations(listen_keys)
    if "streams" in roles:
        beside.append(hub.run())
    behind = _behind(
        roles,
        settings,
        monitor_of(stores, pool, view, audit, limits, lambda: {**app.admission.values(), **answers.values()}, stop),
    )
    app = App(operations, keys, limiter, behind, settings.body_bytes_max, settings.trusted_proxies)
    venue = settings.venue
    allowance = OrderAllowance(venue.request_weight_per_minute, venue.orders_per_10s, venue.orders_per_day)
    handlers: dict[str, SocketHandler] = {}
    if "gateway" in roles:
        handlers["/ws-api/v3"] = SocketApi(operations, app.admission, users_hub, allowance)
    if "streams" in roles:
        handlers["/ws"] = handlers["/stream"] = MarketSockets(hub, users_hub, listen_keys)
    sockets = Sockets(handlers, limiter, app.addresses)
    beside += [app.admission.watch(), _beat(settings), _leave(stop, settings.leave_s, gone)]
    tasks = [asyncio.create_task(work) for work in beside]
    for task in tasks:
        task.add_done_callback(lambda task: _ended(task, gone))
    ready()
    try:
        await serve(app, listener, limits, sockets, gone, app.sheds, app.expects)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _beat(settings: ProcessSettings) -> None:
    while True:
        announce_alive(settings)
        await asyncio.sleep(BEAT_S)


async def _leave(stop: asyncio.Event, seconds: float, gone: asyncio.Event) -> None:
    """Once told to stop, serve on while /health/ready says no: what was sent here meanwhile is answered."""
    await stop.wait()
    await asyncio.sleep(seconds)
    gone.set()
    await asyncio.Event().wait()


def _ended(task: "asyncio.Task[None]", gone: asyncio.Event) -> None:
    """Stop the process at once when work that should never end has ended: its supervisor starts a whole one."""
    if not task.cancelled():
        log.error("a part of this process has ended", exc_info=task.exception())
        gone.set()


def _listen(settings: ProcessSettings) -> socket.socket:
    if settings.listen_fd is not None:
        return socket.socket(fileno=settings.listen_fd)
    return socket.create_server((settings.host, settings.port), backlog=4_096)


def _trading(
    settings: ProcessSettings,
    view: MarketView,
    history_store: HistoryStore,
    barrier: ReadBarrier,
    intake: Any,
    pool: Any,
    withdrawals: Withdrawals,
    replica: Replica | None,
    answers: Answers,
) -> list[Operation]:
    venue = settings.venue
    return [
        *general.operations(view.listing, venue.request_weight_per_minute, venue.orders_per_10s, venue.orders_per_day),
        *orders.operations(intake, view.listing, venue),
        *history.operations(history_store, view.listing, barrier, replica, answers),
        *marketdata.operations(view, TradeStore(pool), BarStore(pool)),
        *wallet.operations(
            view.listing, _Accounts(history_store, barrier), WalletStore(pool), withdrawals, _Prices(view)
        ),
    ]


async def _own(
    stores: Stores,
    keys: Keys,
    pool: Any,
    listing: Listing,
    withdrawals: Withdrawals,
    beside: list[Coroutine[Any, Any, None]],
) -> list[Operation]:
    """Return the operations under /bourse/v1, and add the work that goes on beside them."""
    passwords = Passwords()
    stores.closing.callback(passwords.close)
    users = await stores.users(passwords)
    gateway_keys = await stores.gateway_keys()
    beside.append(users.keep_reconciled())
    beside += [gateway_keys.keep_reconciled()] if gateway_keys is not None else []
    return [
        *identity.operations(users, keys, await stores.test_funds(), HashingBusy, gateway_keys),
        *notifier.operations(NotifierStore(pool, stores.settings.venue.shard)),
        *own_wallet.operations(listing, withdrawals, users.second_factors.prove),
    ]


class _Accounts:
    """What the wallet sees of accounts, never older than the question."""

    def __init__(self, store: HistoryStore, barrier: ReadBarrier) -> None:
        self._store = store
        self._barrier = barrier

    async def balances(self, account: int) -> list[Balance]:
        await self._barrier.wait()
        rows = await self._store.balances(account)
        return [Balance(row["asset"], int(row["available"]), int(row["held"])) for row in rows]

    async def deposits(
        self, account: int, asset: int | None, since_us: int, until_us: int, offset: int, limit: int
    ) -> list[Deposit]:
        await self._barrier.wait()
        rows = await self._store.deposits(account, asset, since_us, until_us, offset, limit)
        return [
            Deposit(row["sequence"], row["asset"], int(row["amount"]), row["identity"], row["time_us"]) for row in rows
        ]


class _Prices:
    """Last prices of the markets that this process follows."""

    def __init__(self, view: MarketView) -> None:
        self._view = view

    def last(self, asset: int, quote: int) -> int | None:
        for instrument, image in self._view.listing.instruments.items():
            if (image.base, image.quote) == (asset, quote):
                trades = self._view.market(instrument).trades
                return trades[-1].price if trades else None
        return None


async def _follow(view: MarketView, stores: Stores, pool: Any, intake: Any, hub: Hub, users: UserHub) -> None:
    """Load the markets, list what is missing, follow the feed; after a fault begin anew from where the view stands."""
    is_listed, feed = False, stores.feed()

    def push(batch: CommittedBatch, seen: list[Event]) -> None:
        hub.take(seen, batch.time_us)
        users.take(seen, batch.time_us)

    while True:
        try:
            if not view.is_loaded:
                await view.load(pool)
            if not is_listed:
                await list_venue(intake, view.listing)
                is_listed = True
            await view.follow(feed, push, users.heard)
        except JournalDropped as fault:
            # The rows are being made again and stand before what the journal's database still holds: wait for them.
            log.warning("markets not followed", why=str(fault))
            view.is_loaded = False
            await asyncio.sleep(RETRY_S)
        except (OSError, IntakeFault, asyncpg.PostgresError) as fault:
            log.warning("markets not followed", why=str(fault))
            await asyncio.sleep(RETRY_S)


def _behind(roles: tuple[str, ...], settings: ProcessSettings, monitor: Monitor) -> Any:
    """Return what answers paths that no operation has."""
    found: list[BaseRoute] = []
    if "monitor" in roles:
        found += health_routes(monitor)
    if "web" in roles and settings.web_dir is not None:
        found += page_routes(settings.web_dir)
    return Starlette(routes=found, middleware=[Middleware(SecurityHeaders)])
