"""One account's way to the REST API: signed requests on connections that stay open."""

import hashlib
import hmac
import ipaddress
import socket
import time
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import httpx

ANSWER_S: Final = 10.0
CONNECTIONS: Final = 2
OWN_ADDRESS: Final = "127.0.0.2"
ROUTES: Final = {
    "exchangeInfo": ("GET", "/api/v3/exchangeInfo"),
    "ticker.price": ("GET", "/api/v3/ticker/price"),
    "account.status": ("GET", "/api/v3/account"),
    "openOrders.status": ("GET", "/api/v3/openOrders"),
    "openOrders.cancelAll": ("DELETE", "/api/v3/openOrders"),
    "order.place": ("POST", "/api/v3/order"),
    "order.cancel": ("DELETE", "/api/v3/order"),
}


class Refused(Exception):
    """The venue said no."""

    def __init__(self, code: int, message: str, status: int, retry_after_s: float = 0.0) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.status = status
        self.retry_after_s = retry_after_s


class Away(Exception):
    """The venue cannot be reached now, or did not answer."""


def own_address(url: str) -> str | None:
    """Return the address to call a venue from: request weight is counted by address, and who tries a venue on their own
    machine shall have all of it. None where there is no second loopback address, or the venue is not on one.
    """
    try:
        if not ipaddress.IPv4Address(urlsplit(url).hostname or "").is_loopback:
            return None
        with socket.socket() as probe:
            probe.bind((OWN_ADDRESS, 0))
    except (OSError, ValueError):
        return None
    return OWN_ADDRESS


class Client:
    """Requests of one account, by the names the WebSocket API gives them."""

    def __init__(self, url: str, api_key: str = "", secret: str = "") -> None:
        limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
        transport = httpx.AsyncHTTPTransport(limits=limits, local_address=own_address(url))
        # Nothing between this process and its own venue: a proxy of the environment must not be asked.
        self._http = httpx.AsyncClient(
            base_url=url, timeout=ANSWER_S, transport=transport, headers={"X-MBX-APIKEY": api_key}, trust_env=False
        )
        self._secret = secret.encode()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def public(self, name: str, **params: object) -> Any:
        """Ask for something that needs no key. Raises Refused, Away."""
        return await self._ask(name, urlencode(params))

    async def signed(self, name: str, **params: object) -> Any:
        """Ask in the account's name. Raises Refused, Away."""
        query = urlencode({**params, "timestamp": time.time_ns() // 1_000_000})
        signature = hmac.new(self._secret, query.encode(), hashlib.sha256).hexdigest()
        return await self._ask(name, f"{query}&signature={signature}")

    async def _ask(self, name: str, query: str) -> Any:
        method, path = ROUTES[name]
        try:
            answer = await self._http.request(method, f"{path}?{query}" if query else path)
        except httpx.HTTPError as fault:
            raise Away(f"no answer to {name}: {fault}") from fault
        try:
            decoded = answer.json()
        except ValueError as fault:
            raise Away(f"no JSON in the answer to {name} (HTTP {answer.status_code})") from fault
        if answer.status_code == httpx.codes.OK:
            return decoded
        wait = answer.headers.get("retry-after", "0")
        raise Refused(
            decoded.get("code", 0),
            decoded.get("msg", ""),
            answer.status_code,
            float(wait) if wait.isdigit() else 0.0,
        )
