"""Routes of the monitor: /health/live, /health/ready, /metrics."""

import ipaddress
from collections.abc import Callable
from secrets import compare_digest
from typing import Final

import msgspec

from openbourse.monitor.health import Health
from openbourse.monitor.metrics import Metrics

JSON: Final = "application/json;charset=UTF-8"
LEAVING: Final = b'{"ready":false,"probes":{"process":"it was told to stop"},"warnings":[]}'
TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"


class Monitor:
    """Answers to probes and scrapers, as status, media type and body, whatever the server is."""

    def __init__(
        self, health: Health, metrics: Metrics, token: str | None, is_leaving: Callable[[], bool] = lambda: False
    ) -> None:
        """A process that is leaving is not ready, whatever its probes would say."""
        self._health = health
        self._metrics = metrics
        self._token = token
        self._is_leaving = is_leaving

    async def live(self) -> tuple[int, str, bytes]:
        """Say that the process runs its loop."""
        return 200, JSON, b'{"live":true}'

    async def ready(self) -> tuple[int, str, bytes]:
        """Say whether the process can serve now: 200 or 503, with what each probe said."""
        if self._is_leaving():
            # At once: probes may wait for others that are leaving too.
            return 503, JSON, LEAVING
        verdict = await self._health.check()
        return 200 if verdict.ready else 503, JSON, msgspec.json.encode(verdict)

    async def metrics(self, peer: str, authorization: str, is_forwarded: bool) -> tuple[int, str, bytes]:
        """Return the metrics, to this machine or to who has the token; 404 tells others nothing."""
        if not self._may_read(peer, authorization, is_forwarded):
            return 404, JSON, b'{"code":-1099,"msg":"Not found, unauthenticated, or unauthorized."}'
        return 200, TEXT, await self._metrics.render()

    def _may_read(self, peer: str, authorization: str, is_forwarded: bool) -> bool:
        if self._token is not None:
            return compare_digest(authorization.encode(), f"Bearer {self._token}".encode())
        # Behind a proxy on this machine every peer is loopback: then only a token tells who asks.
        return not is_forwarded and is_loopback(peer)


def is_loopback(peer: str) -> bool:
    """Tell whether an address is this machine's own."""
    try:
        return ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False
