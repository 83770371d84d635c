"""One question at a time to an edge, signed where it must be: for the kit itself, not for the load."""

import hashlib
import hmac
import time
from typing import Any, Final
from urllib.parse import urlencode

import httpx

ANSWER_S: Final = 10.0
READY_S: Final = 2.0
HTTP_OK: Final = 200


def signed(secret: str, params: dict[str, object]) -> str:
    """Return the query string of a signed request."""
    query = urlencode({**params, "timestamp": time.time_ns() // 1_000_000})
    signature = hmac.new(secret.encode(), query.encode(), hashlib.sha256).hexdigest()
    return f"{query}&signature={signature}"


async def is_serving(address: str, port: int) -> bool:
    """Tell whether an edge says that it is ready to trade."""
    try:
        async with httpx.AsyncClient(timeout=READY_S) as http:
            return (await http.get(f"http://{address}:{port}/health/ready")).status_code == HTTP_OK
    except httpx.HTTPError:
        return False


class Asker:
    """Asks one edge on behalf of accounts. Raises httpx.HTTPError, ValueError for an answer that is a refusal."""

    def __init__(self, address: str, port: int) -> None:
        self._http = httpx.AsyncClient(base_url=f"http://{address}:{port}", timeout=ANSWER_S)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def open(self, path: str, **params: object) -> Any:
        """Return the answer to a public question."""
        return self._body(await self._http.get(f"{path}?{urlencode(params)}"))

    async def private(self, api_key: str, secret: str, path: str, **params: object) -> Any:
        """Return the answer to a signed question."""
        return self._body(await self._http.get(f"{path}?{signed(secret, params)}", headers={"X-MBX-APIKEY": api_key}))

    def _body(self, answer: httpx.Response) -> Any:
        if answer.status_code != HTTP_OK:
            raise ValueError(f"{answer.status_code}: {answer.text[:200]}")
        return answer.json()
