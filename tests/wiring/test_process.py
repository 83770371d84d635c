"""All roles of a venue in one process, over real stores: what only the whole can promise."""

import asyncio
import hashlib
import hmac
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from openbourse import wiring
from openbourse.protocol.amounts import UNIT
from openbourse.roles import EDGE_ROLES
from openbourse.settings import ProcessSettings
from openbourse.wiring import CreatedAccount
from openbourse.wiring.processes import GIVES_WAY

PASSWORD = "correct horse battery"
START_S = 20


@pytest.fixture
async def venue(settings: ProcessSettings) -> AsyncIterator[ProcessSettings]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        settings = replace(settings, port=probe.getsockname()[1], ready_file=settings.data_dir / "ready")
    await wiring.migrate(settings)
    running = asyncio.create_task(wiring.run_roles(("sequencer", "history", *EDGE_ROLES), settings))
    assert settings.ready_file is not None
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.port}") as http, asyncio.timeout(START_S):
        while True:
            try:
                # Health is answered a moment before the file is there.
                if (await http.get("/health/ready")).status_code == 200 and settings.ready_file.exists():
                    break
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.05)
    yield settings
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(START_S):
        await running


async def ask(settings: ProcessSettings, account: CreatedAccount, method: str, path: str, **params: object) -> Any:
    query = urlencode({**params, "timestamp": time.time_ns() // 1_000_000})
    signature = hmac.new(account.secret_key.encode(), query.encode(), hashlib.sha256).hexdigest()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.port}") as http:
        answer = await http.request(
            method, f"{path}?{query}&signature={signature}", headers={"X-MBX-APIKEY": account.api_key}
        )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_made_account_trades_and_reads_its_own_writes(venue: ProcessSettings) -> None:
    assert venue.ready_file is not None
    assert venue.ready_file.exists()
    account = await wiring.create_account(venue, "Ann@example.com", PASSWORD, [("USDT", 1_000 * UNIT)])
    assert account.account_id >= 1_000
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    placed = await ask(venue, account, "POST", "/api/v3/order", price="50000", **order)
    [opened] = await ask(venue, account, "GET", "/api/v3/openOrders", symbol="BTCUSDT")
    assert opened["orderId"] == placed["orderId"]
    [balance] = (await ask(venue, account, "GET", "/api/v3/account", omitZeroBalances="true"))["balances"]
    assert (balance["free"], balance["locked"]) == ("500.00000000", "500.00000000")


async def test_a_signed_in_person_chooses_what_to_hear_of(venue: ProcessSettings) -> None:
    account = await wiring.create_account(venue, "ann@example.com", PASSWORD, [])
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{venue.port}") as http:
        signed_in = await http.post("/bourse/v1/sessions", json={"email": account.email, "password": PASSWORD})
    session = replace(account, api_key=signed_in.json()["apiKey"], secret_key=signed_in.json()["secretKey"])
    chosen = {"topics": ["fill", "deposit"], "always": ["withdrawal", "security"]}
    assert await ask(venue, session, "PUT", "/bourse/v1/notifications", topics="fill,deposit") == chosen
    assert await ask(venue, account, "GET", "/bourse/v1/notifications") == chosen
    assert (await ask(venue, session, "PUT", "/bourse/v1/notifications", topics=""))["topics"] == []


async def test_the_same_address_again_is_funded_and_gets_a_further_key(venue: ProcessSettings) -> None:
    first = await wiring.create_account(venue, "ann@example.com", PASSWORD, [("BTC", UNIT)])
    second = await wiring.create_account(venue, "ann@example.com", PASSWORD, [("BTC", UNIT)])
    assert second.account_id == first.account_id
    assert second.api_key != first.api_key
    assert (first.is_new, second.is_new) == (True, False)
    [balance] = (await ask(venue, first, "GET", "/api/v3/account", omitZeroBalances="true"))["balances"]
    assert balance["free"] == "2.00000000"


async def test_a_key_may_withdraw_only_where_that_was_said(venue: ProcessSettings) -> None:
    begin_ms = time.time_ns() // 1_000_000
    for may_withdraw in (False, True):
        account = await wiring.create_account(venue, "ann@example.com", PASSWORD, [], may_withdraw=may_withdraw)
        shown = await ask(venue, account, "GET", "/sapi/v1/account/apiRestrictions")
        assert shown["enableReading"]
        assert shown["enableSpotAndMarginTrading"]
        assert shown["enableWithdrawals"] is may_withdraw
        assert begin_ms <= shown["createTime"] <= time.time_ns() // 1_000_000
        begin_ms = shown["createTime"]
        assert not shown["ipRestrict"]


async def test_an_operators_further_keys_take_none_away(venue: ProcessSettings) -> None:
    accounts = [await wiring.create_account(venue, "ann@example.com", PASSWORD, []) for _ in range(7)]
    for account in accounts:
        assert (await ask(venue, account, "GET", "/api/v3/account"))["uid"] == accounts[0].account_id


async def test_an_unlisted_asset_and_a_short_password_are_refused(venue: ProcessSettings) -> None:
    with pytest.raises(ValueError, match="does not list"):
        await wiring.create_account(venue, "ann@example.com", PASSWORD, [("USDT", UNIT), ("NOPE", UNIT)])
    with pytest.raises(ValueError, match="password"):
        await wiring.create_account(venue, "ann@example.com", "short", [])
    made = await wiring.create_account(venue, "ann@example.com", PASSWORD, [])
    assert made.is_new, "what was refused left nothing behind"


async def test_a_pair_is_listed_once_and_trades(venue: ProcessSettings) -> None:
    for _ in range(2):
        await wiring.list_symbol(venue, "MSFTUSD", "MSFT", "USD", UNIT // 100, 100, 1_000, 0)
    made = await wiring.create_accounts(venue, 3, [("USD", 100 * UNIT)], "replay")
    assert len({account.account_id for account in made}) == 3
    placed = await ask(
        venue,
        made[0],
        "POST",
        "/api/v3/order",
        symbol="MSFTUSD",
        side="BUY",
        type="LIMIT",
        timeInForce="GTC",
        price="30.01",
        quantity="1",
    )
    assert placed["status"] == "NEW"


async def test_migrating_twice_changes_nothing(settings: ProcessSettings) -> None:
    await wiring.migrate(settings)
    await wiring.migrate(settings)


async def test_an_edge_that_leaves_says_so_and_still_serves(settings: ProcessSettings) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        settings = replace(settings, port=probe.getsockname()[1], leave_s=2)
    await wiring.migrate(settings)
    running = asyncio.create_task(wiring.run_roles(("sequencer", "history", *EDGE_ROLES), settings))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.port}") as http, asyncio.timeout(2 * START_S):
        while True:
            if await status(http, "/health/ready") == 200:
                break
            await asyncio.sleep(0.05)
        began = time.monotonic()
        os.kill(os.getpid(), signal.SIGTERM)
        while True:
            answer = await http.get("/health/ready")
            if answer.status_code == 503 and "told to stop" in answer.text:
                break
            await asyncio.sleep(0.02)
        assert await status(http, "/health/live") == 200
        assert await status(http, "/api/v3/exchangeInfo") == 200
        await running
        assert time.monotonic() - began >= 2
        assert await status(http, "/health/live") == 0


async def status(http: httpx.AsyncClient, path: str) -> int:
    try:
        return (await http.get(path)).status_code
    except httpx.HTTPError:
        return 0


def test_what_a_process_is_made_of_is_looked_through_no_more() -> None:
    """A full collection would stop the loop for as long as it takes, and comes when most is asked of the process."""
    program = (
        "import gc, openbourse.wiring.edge, openbourse.wiring.processes as processes\n"
        "before = len(gc.get_objects()); processes.set_aside_what_stays()\n"
        "print(before, len(gc.get_objects()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    before, after = map(int, done.stdout.split())
    assert before > 50_000
    assert after < 1_000


@pytest.mark.parametrize("is_own_session", [True, False])
def test_what_nobody_waits_for_gives_way_with_its_session_if_that_is_its_own(is_own_session: bool) -> None:
    program = (
        "import os; from openbourse.wiring import processes as p;"
        # The file is empty in a session that is older than the kernel's grouping, as that of a container's first process.
        "group = lambda: (p.AUTOGROUP.read_text().split() if p.AUTOGROUP.exists() else [])[-1:] or ['none'];"
        "before = group(); p.give_way(); print(os.nice(0), *before, *group())"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, start_new_session=is_own_session, timeout=60
    )
    assert not ran.returncode, ran.stderr
    nice, before, after = ran.stdout.split()
    assert int(nice) == min(19, os.nice(0) + GIVES_WAY)
    assert after == (str(GIVES_WAY) if is_own_session and before != "none" else before)
