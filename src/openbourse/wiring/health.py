"""What the monitor looks at in an edge process, and the routes it answers on."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from openbourse.edge.server import Limits
from openbourse.marketdata.view import MarketView
from openbourse.monitor.api import Monitor
from openbourse.monitor.audit import AssetTotals, Audit
from openbourse.monitor.health import Health
from openbourse.monitor.metrics import Metrics
from openbourse.protocol.instruments import InstrumentStatus
from openbourse.wiring.stores import Stores
from openbourse.wiring.telemetry import Source

LEFT_PREFIX: Final = "openbourse:metrics:"
LEFT_S: Final = 0.5
"""How long other roles' counters are waited for: a Valkey that is slower is treated as away."""
LEFT_MAX: Final = 64
POLL_S: Final = 0.01
_TOTALS: Final = """
SELECT (SELECT sequence FROM projection_history.cursor) AS cursor, asset,
    coalesce(b.total, 0)::text AS balances, coalesce(t.deposits, 0)::text AS deposits,
    coalesce(t.withdrawals, 0)::text AS withdrawals, coalesce(b.negative, 0) AS negative
FROM (SELECT asset, sum(available + held) AS total, count(*) FILTER (WHERE available < 0 OR held < 0) AS negative
      FROM projection_history.balance GROUP BY asset) AS b
FULL JOIN (SELECT asset, sum(amount) FILTER (WHERE is_deposit) AS deposits,
           sum(amount) FILTER (WHERE NOT is_deposit) AS withdrawals
      FROM projection_history.transfer GROUP BY asset) AS t USING (asset)
ORDER BY asset
"""


class Books:
    """The audit's view: sums of rows in one statement, which sees them all at one cursor, and the books in memory."""

    def __init__(self, pool: Any, view: MarketView) -> None:
        self._pool = pool
        self._view = view

    async def totals(self) -> tuple[int, list[AssetTotals]]:
        """Return the cursor and every asset's totals."""
        rows = await self._pool.fetch(_TOTALS)
        totals = [
            AssetTotals(
                row["asset"], int(row["balances"]), int(row["deposits"]), int(row["withdrawals"]), row["negative"]
            )
            for row in rows
        ]
        return (rows[0]["cursor"] if rows else 0), totals

    def crossed(self) -> list[str]:
        """Return symbols that trade and whose best bid is not below the best ask."""
        found = []
        for instrument, market in self._view.markets.items():
            # An auction collects orders that cross; they may stay so in a halt after it.
            if self._view.listing.instruments[instrument].status != InstrumentStatus.TRADING:
                continue
            if market.bids and market.asks and market.bids.peekitem(-1)[0] >= market.asks.peekitem(0)[0]:
                found.append(self._view.listing.instruments[instrument].symbol)
        return found


def monitor_of(
    stores: Stores, pool: Any, view: MarketView, audit: Audit, limits: Limits, calls: Source, stop: asyncio.Event
) -> Monitor:
    """Return the monitor of an edge process; one that was told to stop is not ready."""

    async def sequencer() -> str:
        await (await stores.intake()).committed()
        return ""

    async def database() -> str:
        await pool.fetchval("SELECT 1")
        return ""

    async def markets() -> str:
        # Loaded, and following: it must come to see what is committed now.
        if not view.is_loaded:
            return "not loaded yet"
        wanted = await (await stores.intake()).committed()
        await view.wait(wanted)
        return "" if view.listing.by_symbol else "nothing is listed yet"

    async def left() -> Mapping[str, bytes]:
        try:
            client = stores.valkey()
            async with asyncio.timeout(LEFT_S):
                names = [name async for name in client.scan_iter(match=f"{LEFT_PREFIX}*", count=LEFT_MAX)][:LEFT_MAX]
                values: list[Any] = await client.mget(names) if names else []
        except (RedisError, OSError, TimeoutError):
            return {}
        return {
            bytes(name).decode().removeprefix(LEFT_PREFIX): bytes(value)
            for name, value in zip(names, values, strict=True)
            if value is not None
        }

    health = Health(
        {"sequencer": sequencer, "database": database, "markets": markets},
        lambda: [f"audit: {breach}" for breach in audit.breaches],
    )
    sources: dict[str, Source] = {
        "edge": lambda: {
            "connections": limits.count,
            "connections_refused": limits.refused,
            **calls(),
        },
        "market": lambda: {"cursor": view.cursor, "instruments": len(view.listing.instruments)},
        "audit": audit.counters,
    }
    for group, source in sources.items():
        stores.telemetry.add(group, source)
    return Monitor(health, Metrics(sources, left), stores.settings.metrics_token, stop.is_set)


def routes(monitor: Monitor) -> list[BaseRoute]:
    """Return the monitor's routes."""

    def plain(answer: Callable[[], Awaitable[tuple[int, str, bytes]]]) -> Callable[[Request], Awaitable[Response]]:
        async def serve(_: Request) -> Response:
            status, media, body = await answer()
            return Response(body, status, media_type=media)

        return serve

    async def metrics(request: Request) -> Response:
        peer = request.client.host if request.client else ""
        is_forwarded = "x-forwarded-for" in request.headers or "forwarded" in request.headers
        status, media, body = await monitor.metrics(peer, request.headers.get("authorization", ""), is_forwarded)
        return Response(body, status, media_type=media)

    return [
        Route("/health/live", plain(monitor.live)),
        Route("/health/ready", plain(monitor.ready)),
        Route("/metrics", metrics),
    ]
