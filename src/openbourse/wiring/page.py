"""The venue's page: static files with headers that let a browser do nothing else."""

from pathlib import Path
from typing import Any, Final

from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

SECURITY_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "connect-src 'self' ws: wss:; img-src 'self' data:; font-src 'self'; manifest-src 'self'; worker-src 'self'; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}


def page_routes(web_dir: Path) -> list[BaseRoute]:
    """Return the page's routes."""
    return [Mount("/", StaticFiles(directory=web_dir, html=True))]


class SecurityHeaders:
    """Middleware that adds the page's security headers."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on and add the headers to its answer."""

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                added = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
                message["headers"] = [*message["headers"], *added]
            await send(message)

        await self._app(scope, receive, send_with_headers)
