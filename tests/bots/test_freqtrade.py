"""freqtrade, as published, trades live: orders that fill and that do not, a stop on the exchange, a restart, its accounts."""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.exchange import UNENCRYPTED, Account, Client, Exchange, free_port
from tests.published import ClientEnvironment

pytestmark = [pytest.mark.timeout(600)]

STRATEGY = Path(__file__).parent / "suites" / "freqtrade_strategy.py"
START_SECONDS_MAX = 90.0
STEP_SECONDS_MAX = 60.0
# A bot that has no history waits for the end of the first minute.
CANDLE_SECONDS_MAX = 150.0
INTERRUPTED = 128 + signal.SIGINT
LOGIN = ("freqtrade", "freqtrade")


def settings(venue: Exchange, account: Account, port: int) -> dict[str, Any]:
    """Return freqtrade's configuration: what is ours is in exchange.ccxt_config, all else is its own."""
    http, socket = venue.base_url, venue.socket_url
    urls: dict[str, Any] = {"public": f"{http}/api/v3", "private": f"{http}/api/v3"}
    urls |= {"v1": f"{http}/api/v1", "sapi": f"{http}/sapi/v1", "sapiV2": f"{http}/sapi/v2"}
    urls |= {"sapiV3": f"{http}/sapi/v3", "sapiV4": f"{http}/sapi/v4"}
    urls["ws"] = {"spot": f"{socket}/ws", "ws-api": {"spot": f"{socket}/ws-api/v3"}}
    pricing = {"price_side": "other", "use_order_book": True, "order_book_top": 1}
    return {
        "dry_run": False,
        "stake_currency": "USDT",
        "stake_amount": 1000,
        "max_open_trades": 2,
        "exchange": {
            "name": "binance",
            "key": account.api_key,
            "secret": account.secret_key,
            "ccxt_config": {"urls": {"api": urls}, "options": {"fetchMarkets": {"types": ["spot"]}}},
            # Otherwise it takes candles and trades of the past from Binance's archive.
            "only_from_ccxt": True,
            "pair_whitelist": [],
            "pair_blacklist": ["BNB/.*"],
        },
        "entry_pricing": pricing,
        "exit_pricing": pricing,
        "pairlists": [
            {"method": "VolumePairList", "number_assets": 10, "sort_key": "quoteVolume"},
            {"method": "DelistFilter", "max_days_from_now": 0},
            {"method": "PrecisionFilter"},
            {"method": "SpreadFilter", "max_spread_ratio": 0.02},
        ],
        "api_server": {
            "enabled": True,
            "listen_ip_address": "127.0.0.1",
            "listen_port": port,
            "username": LOGIN[0],
            "password": LOGIN[1],
            "jwt_secret_key": "a secret of this test alone, long enough",
        },
        "initial_state": "running",
        "force_entry_enable": True,
        # DelistFilter costs 100 of sapi's weight a pair and round: as often as Binance's limit allows.
        "internals": {"process_throttle_secs": 2},
    }


class Bot:
    """One freqtrade, its database and its log in a directory, steered by its own REST API."""

    def __init__(self, environment: ClientEnvironment, directory: Path, venue: Exchange, account: Account) -> None:
        self._program = environment.python.with_name("freqtrade")
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        port = free_port()
        (directory / "config.json").write_text(json.dumps(settings(venue, account, port)))
        shutil.copy(STRATEGY, directory)
        self._http = httpx.Client(
            base_url=f"http://127.0.0.1:{port}/api/v1", auth=LOGIN, timeout=30, verify=UNENCRYPTED
        )

    def command(self, *words: str) -> list[str]:
        """Return a command of freqtrade with this bot's settings."""
        directory = str(self._directory)
        where = ["--config", f"{directory}/config.json", "--userdir", f"{directory}/user"]
        return [str(self._program), *words, *where]

    def start(self) -> None:
        """Start to trade, and wait until it does."""
        words = ("trade", "--strategy", "EntersAndExits", "--strategy-path", str(self._directory))
        (self._directory / "user").mkdir(exist_ok=True)
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self.command(*words), "--db-url", f"sqlite:///{self._directory}/trades.sqlite"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._directory,
            )
        self.wait("it runs", lambda: self.ask("show_config")["state"] == "running", START_SECONDS_MAX)

    def stop(self) -> int:
        """End it as Ctrl-C does; return the exit code, which it says that by."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(30)

    def end(self) -> None:
        """End it, whatever happened."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)

    def log(self) -> str:
        return (self._directory / "log").read_text()

    def ask(self, path: str) -> Any:
        return self._http.get(path).raise_for_status().json()

    def tell(self, path: str, **what: object) -> Any:
        answer = self._http.post(path, json=what)
        assert answer.status_code == 200, answer.text + self.log()[-4_000:]
        return answer.json()

    def closed(self, pair: str) -> list[dict[str, Any]]:
        """Return its closed trades of a pair, oldest first."""
        return [trade for trade in self.ask("trades?order_by_id=true")["trades"] if trade["pair"] == pair]

    def wait(self, what: str, holds: Callable[[], Any], seconds: float = STEP_SECONDS_MAX) -> Any:
        """Return the first true answer."""
        deadline = time.monotonic() + seconds
        while True:
            assert self._process is None or self._process.poll() is None, f"it ended\n{self.log()[-8_000:]}"
            try:
                if answer := holds():
                    return answer
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}\n{self.log()[-8_000:]}"
            time.sleep(0.5)


@pytest.fixture
def account(market: Exchange) -> Account:
    return market.account("freqtrade@example.com", USDT="10000", BNB="1")


@pytest.fixture
def bot(market: Exchange, account: Account, tmp_path: Path) -> Iterator[Bot]:
    environment = ClientEnvironment("freqtrade", kind="bots", install_s=600)
    bot = Bot(environment, tmp_path, market, account)
    try:
        yield bot
    finally:
        bot.end()


def open_orders(client: Client) -> list[dict[str, Any]]:
    orders = client.ask("/api/v3/openOrders").json()
    assert isinstance(orders, list), orders
    return orders


def let_fall(market: Exchange, symbol: str, stop: Decimal) -> None:
    """Sell through every bid down to just below a stop price, where a bid for more waits."""
    seller = market.client(market.account("freqtrade-seller@example.com", ETH="5000"))
    buyer = market.client(market.account("freqtrade-buyer@example.com", USDT="1000000"))
    below = f"{stop * Decimal('0.995'):.2f}"
    bid = buyer.place(symbol=symbol, side="BUY", type="LIMIT", timeInForce="GTC", quantity="20", price=below)
    for _ in range(5):
        bids = seller.get("/api/v3/depth", symbol=symbol, limit=5000)["bids"]
        above = sum(Decimal(quantity) for price, quantity in bids if Decimal(price) > Decimal(below))
        order = {"symbol": symbol, "side": "SELL", "type": "LIMIT", "timeInForce": "IOC", "price": below}
        seller.place(**order, quantity=f"{above + 1:.4f}")
        if Decimal(buyer.ask("/api/v3/order", symbol=symbol, orderId=bid["orderId"]).json()["executedQty"]) > 0:
            return
    raise AssertionError(f"{symbol} did not fall to {below}")


def told_apart(client: Client, symbol: str) -> list[tuple[str, str, str]]:
    """Return side, type and status of every order of an account, in order."""
    orders = client.ask("/api/v3/allOrders", symbol=symbol).json()
    return [(order["side"], order["type"], order["status"]) for order in orders]


def agree_on_every_order(bot: Bot, client: Client, symbol: str, pair: str) -> None:
    """What it says of its filled orders is what the venue says."""
    theirs = {str(order["orderId"]): order for order in client.ask("/api/v3/allOrders", symbol=symbol).json()}
    for trade in bot.closed(pair):
        for order in trade["orders"]:
            if not order["filled"]:
                continue
            venue = theirs[order["order_id"]]
            assert Decimal(str(order["filled"])) == Decimal(venue["executedQty"])
            spent = Decimal(venue["cummulativeQuoteQty"])
            assert abs(Decimal(str(order["average"])) * Decimal(venue["executedQty"]) - spent) < Decimal("0.001")


def test_freqtrade_trades_as_published(bot: Bot, market: Exchange, account: Account) -> None:
    client = market.client(account)
    bot.start()
    assert sorted(bot.ask("whitelist")["whitelist"]) == ["BTC/USDT", "ETH/USDT"]

    # A market order by hand; its stop goes to the exchange, and is what ends the trade when the price falls.
    bot.tell("forceenter", pair="ETH/USDT", ordertype="market")
    ((stop, kind),) = bot.wait(
        "a stop rests on the exchange",
        lambda: [(Decimal(o["stopPrice"]), o["type"]) for o in open_orders(client) if o["symbol"] == "ETHUSDT"],
    )
    assert kind == "STOP_LOSS_LIMIT"
    let_fall(market, "ETHUSDT", stop)
    (stopped,) = bot.wait("the stop ended the trade", lambda: bot.closed("ETH/USDT"))
    assert stopped["exit_reason"] == "stoploss_on_exchange"
    assert told_apart(client, "ETHUSDT") == [("BUY", "MARKET", "FILLED"), ("SELL", "STOP_LOSS_LIMIT", "FILLED")]

    # By its strategy: an entry and an exit that never fill and are canceled, and such as take.
    (kept,) = bot.wait("the strategy bought and sold", lambda: bot.closed("BTC/USDT"), CANDLE_SECONDS_MAX)
    assert kept["exit_reason"] == "held_enough"
    assert told_apart(client, "BTCUSDT") == [
        ("BUY", "LIMIT", "CANCELED"),
        ("BUY", "LIMIT", "FILLED"),
        ("SELL", "STOP_LOSS_LIMIT", "CANCELED"),
        ("SELL", "LIMIT", "CANCELED"),
        ("SELL", "STOP_LOSS_LIMIT", "CANCELED"),
        ("SELL", "LIMIT", "FILLED"),
    ]

    # Ended and started again with a position: it finds its trade and its stop, and takes both away.
    bot.tell("forceenter", pair="ETH/USDT", ordertype="market")
    bot.wait("a stop rests again", lambda: open_orders(client))
    assert bot.stop() == INTERRUPTED
    assert [order["type"] for order in open_orders(client)] == ["STOP_LOSS_LIMIT"]
    bot.start()
    (status,) = bot.ask("status")
    bot.tell("forceexit", tradeid=str(status["trade_id"]), ordertype="market")
    bot.wait("the second trade ended", lambda: len(bot.closed("ETH/USDT")) == 2)
    assert open_orders(client) == []
    keep_accounts(bot, client)
    assert bot.stop() == INTERRUPTED
    assert " - ERROR - " not in bot.log()
    assert market.verify().returncode == 0


def keep_accounts(bot: Bot, client: Client) -> None:
    """Its orders, its balance and its profit are the venue's."""
    agree_on_every_order(bot, client, "BTCUSDT", "BTC/USDT")
    agree_on_every_order(bot, client, "ETHUSDT", "ETH/USDT")
    balances = client.balances()
    shown = {row["currency"]: row["free"] for row in bot.ask("balance")["currencies"]}
    assert Decimal(str(shown["USDT"])) == Decimal(balances["USDT"][0])
    profit = bot.ask("profit")
    assert profit["closed_trade_count"] == 3
    gained = Decimal(balances["USDT"][0]) - 10_000
    # It counts commission on amounts that it has rounded, and leaves less than a step of each coin behind.
    assert abs(Decimal(str(profit["profit_closed_coin"])) - gained) < Decimal("2.5"), (profit, gained)


def test_freqtrade_reads_the_past(bot: Bot, market: Exchange, tmp_path: Path) -> None:
    """Candles by time and trades by id, as they are downloaded for backtests."""
    (tmp_path / "user").mkdir()
    for what in (("--timeframes", "1m"), ("--dl-trades",)):
        words = bot.command("download-data", "--pairs", "BTC/USDT", "--days", "1", "--data-format-ohlcv", "json", *what)
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, cwd=tmp_path, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    (candles,) = (tmp_path / "user").rglob("BTC_USDT-1m.json")
    last = json.loads(candles.read_text())[-1]
    (bar,) = market.client(None).get("/api/v3/klines", symbol="BTCUSDT", interval="1m", startTime=last[0], limit=1)
    assert [Decimal(str(value)) for value in last[1:]] == [Decimal(value) for value in bar[1:6]]
    assert list((tmp_path / "user").rglob("BTC_USDT-trades.*"))
