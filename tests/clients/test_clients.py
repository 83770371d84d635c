"""Published third-party clients, unmodified, trade on the running program."""

from pathlib import Path

import pytest

from tests.exchange import Exchange
from tests.published import ClientEnvironment

pytestmark = [pytest.mark.clients, pytest.mark.timeout(600)]

SUITES = Path(__file__).parent / "suites"


@pytest.mark.parametrize(
    ("client", "suite"),
    [
        ("ccxt", "ccxt_sync.py"),
        ("ccxt", "ccxt_pro.py"),
        ("python-binance", "python_binance.py"),
        ("binance-sdk-spot", "binance_sdk.py"),
    ],
)
def test_the_client_trades_as_published(
    exchange: Exchange, environments: dict[str, ClientEnvironment], client: str, suite: str
) -> None:
    environment = environments.setdefault(client, ClientEnvironment(client))
    name = suite.removesuffix(".py").replace("_", "-")
    alice = exchange.account(f"alice-{name}@example.com", BTC="10", ETH="100", USDT="100000")
    bob = exchange.account(f"bob-{name}@example.com", BTC="10", ETH="100", USDT="100000")
    done = environment.run(
        SUITES / suite,
        {
            "VENUE_HTTP": exchange.base_url,
            "VENUE_SOCKET": exchange.socket_url,
            "ALICE_KEY": alice.api_key,
            "ALICE_SECRET": alice.secret_key,
            "BOB_KEY": bob.api_key,
            "BOB_SECRET": bob.secret_key,
        },
    )
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
