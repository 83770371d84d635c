"""Published libraries of Node.js, unmodified, trade on the running program: one test a library."""

import os
import shutil
import subprocess
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from tests.exchange import Client, Exchange

pytestmark = pytest.mark.timeout(400)

SUITES = Path(__file__).parent / "suites" / "node"
INSTALLED = Path(__file__).parents[2] / ".venv" / "bots" / "node"
PACKAGE = ("package.json", "package-lock.json", ".npmrc")
INSTALL_SECONDS_MAX = 240
SUITE_SECONDS_MAX = 120
FUNDS = {"BTC": "10", "USDT": "1000000"}


@pytest.fixture(scope="session")
def installed() -> Path:
    """Return a directory outside of the tracked tree with the libraries installed, and the suites beside them."""
    INSTALLED.mkdir(parents=True, exist_ok=True)
    stamp = INSTALLED / ".ok"
    wanted = "".join((SUITES / name).read_text() for name in PACKAGE)
    if not stamp.exists() or stamp.read_text() != wanted:
        stamp.unlink(missing_ok=True)
        for name in PACKAGE:
            shutil.copy(SUITES / name, INSTALLED)
        # Their install scripts are not needed: one prints a greeting, the other builds what ws does without.
        npm = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        subprocess.run(npm, cwd=INSTALLED, check=True, timeout=INSTALL_SECONDS_MAX)
        stamp.write_text(wanted)
    # A module finds the libraries from where it lies.
    for suite in SUITES.glob("*.mjs"):
        shutil.copy(suite, INSTALLED)
    return INSTALLED


@pytest.mark.parametrize("suite", ["ccxt", "binance", "node_binance_api", "binance_api_node", "binance_spot"])
def test_the_library_trades_as_published(market: Exchange, installed: Path, suite: str) -> None:
    account = market.account(f"node-{suite.replace('_', '-')}@example.com", BTC=FUNDS["BTC"], USDT=FUNDS["USDT"])
    venue = {
        "VENUE_HTTP": market.base_url,
        "VENUE_SOCKET": market.socket_url,
        "VENUE_KEY": account.api_key,
        "VENUE_SECRET": account.secret_key,
    }
    # The venue is on this machine; one of the libraries would send even that through a proxy.
    machine = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(
        ["node", f"{suite}.mjs"],
        cwd=installed,
        env={**machine, **venue},
        capture_output=True,
        text=True,
        timeout=SUITE_SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-8_000:]
    _assert_the_venue_agrees(market.client(account))


def _assert_the_venue_agrees(client: Client) -> None:
    """Nothing is left open or held, and what the account has follows from its trades."""
    assert client.ask("/api/v3/openOrders").json() == []
    trades = client.ask("/api/v3/myTrades", symbol="BTCUSDT", limit=1000).json()
    assert trades
    owned = defaultdict(Decimal, {asset: Decimal(amount) for asset, amount in FUNDS.items()})
    for trade in trades:
        sign = 1 if trade["isBuyer"] else -1
        owned["BTC"] += sign * Decimal(trade["qty"])
        owned["USDT"] -= sign * Decimal(trade["quoteQty"])
        owned[trade["commissionAsset"]] -= Decimal(trade["commission"])
    balances = client.balances()
    assert {asset: Decimal(free) for asset, (free, _) in balances.items()} == owned
    assert {Decimal(held) for _, held in balances.values()} == {Decimal(0)}


def test_the_records_add_up(market: Exchange) -> None:
    done = market.verify()
    assert done.returncode == 0, done.stdout + done.stderr
