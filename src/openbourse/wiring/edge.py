"""An edge process: operations of every service asked for, on one socket."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from openbourse.adapters.secrets import HashingBusy, Passwords
from openbourse.adapters.weights_valkey import ValkeyWeights
from openbourse.edge.app import App
from openbourse.edge.intake import IntakeFault
from openbourse.edge.listing import Listing
from openbourse.edge.operations import Operation
from openbourse.edge.ratelimit import RateLimiter
from openbourse.edge.server import Limits, serve
from openbourse.gateway import api as orders
from openbourse.gateway import general
from openbourse.history import api as history
from openbourse.history.barrier import ReadBarrier
from openbourse.history.store import Store as HistoryStore
from openbourse.identity import api as identity
from openbourse.marketdata import api as marketdata
from openbourse.marketdata.candles import TradeStore
from openbourse.marketdata.view import MarketView
from openbourse.monitor.api import Monitor
from openbourse.monitor.health import Health
from openbourse.monitor.metrics import Metrics
from openbourse.settings import ProcessSettings
from openbourse.wallet import api as wallet
from openbourse.wallet.store import Store as WalletStore
from openbourse.wallet.views import Balance, Deposit
from openbourse.wallet.withdrawals import Withdrawals
from openbourse.wiring.instruments import list_venue
from openbourse.wiring.stores import Stores

log: Final = structlog.get_logger()

RETRY_S: Final = 0.2
SECURITY_HEADERS: Final = {
    "content-security-policy": "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


async def run_edge(roles: tuple[str, ...], stores: Stores, ready: Callable[[], None], stop: asyncio.Event) -> None:
    """Serve the roles until stopped."""
    settings = stores.settings
    listener = _listen(settings)
    pool, intake = await stores.database(), await stores.intake()
    view = MarketView(Listing())
    barrier_store = HistoryStore(pool)
    barrier = ReadBarrier(intake.committed, barrier_store.cursor)
    passwords = Passwords()
    stores.closing.callback(passwords.close)
    keys = await stores.keys()
    limiter = RateLimiter(settings.venue.request_weight_per_minute, ValkeyWeights(stores.new_valkey()))
    operations: list[Operation] = []
    if "gateway" in roles:
        operations += _trading(settings, stores, view, barrier_store, barrier, intake, pool)
    if "identity" in roles:
        operations += identity.operations(await stores.users(passwords), keys, await stores.test_funds(), HashingBusy)
    behind = _behind(roles, settings, view, stores, pool)
    app = App(operations, keys, limiter, behind, settings.body_bytes_max, settings.trusted_proxies)
    limits = Limits(settings.connections_max, settings.connections_per_address_max)
    beside = [
        asyncio.create_task(_follow(view, stores, pool, intake)),
        asyncio.create_task(limiter.run()),
        asyncio.create_task(keys.follow_removals()),
    ]
    ready()
    try:
        await serve(app, listener, limits, "none", stop)
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


def _listen(settings: ProcessSettings) -> socket.socket:
    if settings.listen_fd is not None:
        return socket.socket(fileno=settings.listen_fd)
    return socket.create_server((settings.host, settings.port), backlog=4_096)


def _trading(
    settings: ProcessSettings,
    stores: Stores,
    view: MarketView,
    history_store: HistoryStore,
    barrier: ReadBarrier,
    intake: Any,
    pool: Any,
) -> list[Operation]:
    venue = settings.venue
    wallet_store = WalletStore(pool)
    return [
        *general.operations(view.listing, venue.request_weight_per_minute, venue.orders_per_10s, venue.orders_per_day),
        *orders.operations(intake, view.listing),
        *history.operations(history_store, view.listing, barrier),
        *marketdata.operations(view, TradeStore(pool)),
        *wallet.operations(
            view.listing, _Accounts(history_store, barrier), wallet_store, Withdrawals(wallet_store, intake)
        ),
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


async def _follow(view: MarketView, stores: Stores, pool: Any, intake: Any) -> None:
    """Load the markets, list what is missing, follow the feed; after a fault begin anew from where the view stands."""
    is_listed = False
    while True:
        try:
            if not view.is_loaded:
                await view.load(pool)
            if not is_listed:
                await list_venue(intake, view.listing.by_symbol)
                is_listed = True
            await view.follow(stores.feed(), lambda batch, seen: None)
        except (OSError, IntakeFault) as fault:
            log.warning("markets not followed", why=str(fault))
            await asyncio.sleep(RETRY_S)


def _behind(roles: tuple[str, ...], settings: ProcessSettings, view: MarketView, stores: Stores, pool: Any) -> Any:
    routes: list[BaseRoute] = []
    if "monitor" in roles:
        routes += _monitor_routes(settings, view, stores, pool)
    if "web" in roles and settings.web_dir is not None:
        routes.append(Mount("/", StaticFiles(directory=settings.web_dir, html=True)))
    return Starlette(routes=routes, middleware=[Middleware(SecurityHeaders)])


class SecurityHeaders:
    """Adds the page's security headers."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on and add the headers to its answer."""

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    *((name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()),
                ]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _monitor_routes(settings: ProcessSettings, view: MarketView, stores: Stores, pool: Any) -> list[BaseRoute]:
    async def sequencer() -> str:
        await (await stores.intake()).committed()
        return ""

    async def database() -> str:
        await pool.fetchval("SELECT 1")
        return ""

    async def markets() -> str:
        return "" if view.listing.by_symbol else "nothing is listed yet"

    async def left() -> dict[str, bytes]:
        client = stores.valkey()
        counters = await client.get("openbourse:metrics:sequencer")
        return {} if counters is None else {"sequencer": counters.encode() if isinstance(counters, str) else counters}

    health = Health({"sequencer": sequencer, "database": database, "markets": markets}, list)
    monitor = Monitor(health, Metrics({"market": lambda: {"cursor": view.cursor}}, left), settings.metrics_token)

    def plain(answer: Callable[[], Awaitable[tuple[int, str, bytes]]]) -> Callable[[Request], Awaitable[Response]]:
        async def serve_it(_: Request) -> Response:
            status, media, body = await answer()
            return Response(body, status, media_type=media)

        return serve_it

    async def metrics(request: Request) -> Response:
        peer = request.client.host if request.client else ""
        status, media, body = await monitor.metrics(
            peer, request.headers.get("authorization", ""), "x-forwarded-for" in request.headers
        )
        return Response(body, status, media_type=media)

    return [
        Route("/health/live", plain(monitor.live)),
        Route("/health/ready", plain(monitor.ready)),
        Route("/metrics", metrics),
    ]
