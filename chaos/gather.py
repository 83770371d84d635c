"""Asks the venue, after a run, for everything that the checker holds against the journal."""

import asyncio
import subprocess
import time
from typing import Any, Final

import httpx

from chaos.asking import Asker
from chaos.checker import Seen, units
from chaos.load import SYMBOL, Trading
from chaos.parts import plain_environment, program
from chaos.places import EDGE_PORT, EDGES
from chaos.truth import Book
from chaos.venue import Venue

PAGE: Final = 1_000
PAGES_MAX: Final = 1_000
DEPTH: Final = 5_000
ASK_S: Final = 30.0
PAUSE_S: Final = 0.5


async def gather(accounts: list[Trading]) -> Seen:
    """Return what the edges answer, each account asked at another one. Raises httpx.HTTPError, ValueError."""
    askers = [Asker(place.address, EDGE_PORT) for place in EDGES]
    seen = Seen()
    try:
        for number, account in enumerate(accounts):
            asker = askers[number % len(askers)]
            seen.orders[account.account] = await _pages(asker, account, "/api/v3/allOrders", "orderId", "orderId")
            seen.trades[account.account] = await _pages(asker, account, "/api/v3/myTrades", "id", "fromId")
            told = await asker.private(account.api_key, account.secret_key, "/api/v3/account", omitZeroBalances="true")
            seen.balances[account.account] = {
                row["asset"]: units(row["free"]) + units(row["locked"]) for row in told["balances"]
            }
        for place, asker in zip(EDGES, askers, strict=True):
            seen.books[place.name] = await _book(asker)
    finally:
        for asker in askers:
            await asker.close()
    return seen


async def _pages(asker: Asker, account: Trading, path: str, field: str, after: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for _ in range(PAGES_MAX):
        first = int(rows[-1][field]) + 1 if rows else 0
        # Without an id the newest page would come: 1 is before every other.
        page = await asker.private(
            account.api_key, account.secret_key, path, symbol=SYMBOL, limit=PAGE, **{after: max(first, 1)}
        )
        if not page:
            break
        rows += page
    return rows


async def _book(asker: Asker) -> Book:
    told = await asker.open("/api/v3/depth", symbol=SYMBOL, limit=DEPTH)
    bids, asks = ({units(price): units(quantity) for price, quantity in told[side]} for side in ("bids", "asks"))
    return bids, asks


async def gathered(accounts: list[Trading], note: list[str]) -> Seen | None:
    """Return what the edges answer, asked again while they do not; None when they do not come round."""
    fault: Exception = ValueError("not asked")
    limit = time.monotonic() + ASK_S
    while time.monotonic() < limit:
        try:
            return await gather(accounts)
        except (httpx.HTTPError, ValueError) as seen:
            fault = seen
            await asyncio.sleep(PAUSE_S)
    note.append(f"the venue does not answer after the run: {fault!r}")
    return None


async def verified(venue: Venue, seconds: float) -> str:
    """Return what `openbourse verify` finds wrong on the primary that is left; empty: nothing."""
    environment = {**plain_environment(), **venue.own_settings().environment()}
    process = await asyncio.create_subprocess_exec(
        *program("verify"), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(seconds):
            out, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        return f"verify did not end within {seconds:g} s"
    return "" if process.returncode == 0 else out.decode(errors="replace")[-1_500:]
