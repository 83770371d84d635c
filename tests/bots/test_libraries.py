"""More libraries that people trade with, unmodified, on a moving market."""

from pathlib import Path

import pytest

from tests.exchange import Exchange
from tests.published import ClientEnvironment

pytestmark = pytest.mark.timeout(900)

SUITES = Path(__file__).parent / "suites"


@pytest.mark.parametrize(
    ("library", "suite"),
    [
        ("binance-connector", "connector.py"),
        ("unicorn-binance", "unicorn.py"),
    ],
)
def test_the_library_trades_as_published(market: Exchange, library: str, suite: str) -> None:
    environment = ClientEnvironment(library, kind="bots")
    done = environment.run(SUITES / suite, accounts(market, library))
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
    assert market.verify().returncode == 0


def accounts(market: Exchange, name: str) -> dict[str, str]:
    """Return the venue's addresses and two funded accounts, as the suites are told of them."""
    said = {"VENUE_HTTP": market.base_url, "VENUE_SOCKET": market.socket_url}
    for who in ("alice", "bob"):
        account = market.account(f"{who}-{name}@example.com", BTC="10", ETH="100", USDT="100000")
        said |= {f"{who.upper()}_KEY": account.api_key, f"{who.upper()}_SECRET": account.secret_key}
    return said
