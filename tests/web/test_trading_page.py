"""The trading page in a real browser, against a real exchange."""

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect, sync_playwright

from tests.exchange import Account, Client

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NO_BROWSER = "the page is tested in Debian's browser: apt-get install chromium"
# A shared machine may be busy; a page that is never right still fails.
EXPECT_MS = 15_000
FIRST_PRICE = Decimal(3000)

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(180)]


class Venue(Protocol):
    """What these tests need of a running exchange."""

    @property
    def base_url(self) -> str: ...


@pytest.fixture(scope="module")
def browser_of_system() -> Iterator[Browser]:
    """The machine's Chromium; in CI it must be there, elsewhere its absence is said."""
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail(NO_BROWSER)
        pytest.skip(NO_BROWSER)
    expect.set_options(timeout=EXPECT_MS)
    with sync_playwright() as playwright:
        # The sandbox needs user namespaces, which containers run as root often lack; only our own page is opened.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Trader:
    """A person at the page."""

    page: Page
    base_url: str
    complaints: list[str] = field(default_factory=list)
    email: str = field(default_factory=lambda: f"{secrets.token_hex(6)}@example.com")
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12))

    def sign_up(self) -> None:
        page = self.page
        page.get_by_role("button", name="Sign up", exact=True).click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("E-mail").fill(self.email)
        dialog.get_by_label("Password").fill(self.password)
        dialog.get_by_role("button", name="Create account").click()
        expect(dialog).to_be_hidden()
        expect(page.get_by_role("button", name="Account ")).to_be_visible()

    def program(self) -> Client:
        """Return a client that trades for the same person: it places what the page's form does not offer."""
        signing_in = {"email": self.email, "password": self.password}
        session = self.page.request.post("/bourse/v1/sessions", data=signing_in).json()
        account = Account(self.email, int(session["accountId"]), session["apiKey"], session["secretKey"])
        return Client(self.base_url, account)

    def take_test_funds(self) -> None:
        self.page.get_by_role("tab", name="Balances").click()
        self.page.get_by_role("tabpanel").get_by_role("button", name="Take test funds").click()
        expect(self.page.get_by_text("Test funds credited")).to_be_visible()
        expect(self.balance_cell("USDT", "available")).not_to_have_text("0.00")

    def order(self, side: str, quantity: str, price: str | None) -> None:
        form = self.form
        form.get_by_role("button", name=side, exact=True).click()
        form.get_by_role("button", name="Limit" if price else "Market", exact=True).click()
        if price:
            form.get_by_label("Price").fill(price)
        form.get_by_label("Amount").fill(quantity)
        form.get_by_role("button", name=f"{side} ETH").click()

    def resting_price(self) -> Decimal:
        """Return a selling price that rests: other suites may have left bids on the shared venue."""
        depth = self.page.request.get("/api/v3/depth?symbol=ETHUSDT&limit=5").json()
        return Decimal(depth["bids"][0][0]) * Decimal("1.02") if depth["bids"] else FIRST_PRICE

    @property
    def form(self) -> Locator:
        return self.page.get_by_label("Order form")

    def balance_cell(self, asset: str, column: str) -> Locator:
        index = {"available": 1, "held": 2}[column]
        return self.page.locator(f'tr[data-asset="{asset}"] td').nth(index)

    def balance(self, asset: str, column: str) -> str:
        self.page.get_by_role("tab", name="Balances").click()
        return str(self.balance_cell(asset, column).inner_text())


@pytest.fixture
def new_trader(exchange: Venue, browser_of_system: Browser) -> Iterator["TraderMaker"]:
    maker = TraderMaker(exchange.base_url, browser_of_system)
    yield maker
    maker.close()


class TraderMaker:
    """Opens the page once for each person, each with storage of their own."""

    def __init__(self, base_url: str, browser: Browser) -> None:
        self._url = base_url
        self._browser = browser
        self._traders: list[Trader] = []

    def __call__(self, width: int = 1440, height: int = 900, *, has_sockets: bool = True) -> Trader:
        context = self._browser.new_context(base_url=self._url, viewport={"width": width, "height": height})
        trader = Trader(context.new_page(), self._url)
        trader.page.on("pageerror", lambda error: trader.complaints.append(str(error)))
        trader.page.on(
            "console", lambda line: trader.complaints.append(line.text) if _is_violation(line.text) else None
        )
        if not has_sockets:
            trader.page.route_web_socket(re.compile("."), lambda socket: socket.close())
        trader.page.goto("/#ETHUSDT")
        expect(trader.page.get_by_role("button", name="ETH / USDT")).to_be_visible()
        self._traders.append(trader)
        return trader

    def close(self) -> None:
        for trader in self._traders:
            trader.page.context.close()


def _is_violation(text: str) -> bool:
    return "Content Security Policy" in text or "Uncaught" in text


def test_a_newcomer_signs_up_takes_test_funds_trades_and_sees_balances_change(new_trader: TraderMaker) -> None:
    maker, taker = new_trader(), new_trader()
    for trader in (maker, taker):
        trader.sign_up()
        trader.take_test_funds()

    maker.order("Sell", "0.5", f"{maker.resting_price():.2f}")
    expect(maker.page.get_by_role("tab", name="Open orders (1)")).to_be_visible()
    assert maker.balance("ETH", "held") == "0.50"

    before = taker.balance("USDT", "available")
    taker.order("Buy", "0.2", None)
    expect(taker.page.get_by_text(re.compile("^Filled: Buy 0.2 ETH"))).to_be_visible()
    expect(taker.balance_cell("USDT", "available")).not_to_have_text(before)
    taker.page.get_by_role("tab", name="My trades").click()
    expect(taker.page.get_by_test_id("past-fills").get_by_text("Buy").first).to_be_visible()
    taker.page.get_by_role("tab", name="Order history").click()
    expect(taker.page.get_by_test_id("past-orders").get_by_text("Filled", exact=True)).to_be_visible()
    assert maker.complaints == []
    assert taker.complaints == []


def test_a_click_on_a_price_fills_the_form_and_cancel_gives_the_money_back(new_trader: TraderMaker) -> None:
    trader = new_trader()
    trader.sign_up()
    trader.take_test_funds()
    before = trader.balance("USDT", "available")

    trader.order("Buy", "0.01", "1000.00")
    trader.page.get_by_role("tab", name="Open orders (1)").click()
    row = trader.page.get_by_test_id("open-orders").get_by_role("row").nth(1)
    expect(row).to_contain_text("1,000.00")
    price = trader.page.get_by_label("Order book").locator("button.is-own")
    if price.count() > 0:  # On a deep book the order may stand below what is shown.
        price.first.click()
        expect(trader.form.get_by_label("Price")).to_have_value("1000.00")

    row.get_by_role("button", name="Cancel order").click()
    expect(trader.page.get_by_text("No open orders.")).to_be_visible()
    trader.page.get_by_role("tab", name="Balances").click()
    expect(trader.balance_cell("USDT", "available")).to_have_text(before)
    assert trader.complaints == []


def test_an_order_whose_answer_is_lost_is_found_by_asking_again(new_trader: TraderMaker) -> None:
    trader = new_trader()
    trader.sign_up()
    trader.take_test_funds()

    def lose_answer(route: Route) -> None:
        if route.request.method == "POST":
            route.fetch()
            route.abort()
        else:
            route.continue_()

    trader.page.route("**/api/v3/order?*", lose_answer)
    trader.order("Buy", "0.01", "1000.00")
    expect(trader.page.get_by_text("The order was placed")).to_be_visible()
    expect(trader.page.get_by_role("tab", name="Open orders (1)")).to_be_visible()


def test_what_the_exchange_would_refuse_is_said_beside_the_field(new_trader: TraderMaker) -> None:
    trader = new_trader()
    form = trader.form
    form.get_by_label("Price").fill("1000.001")
    expect(form.get_by_role("alert").filter(has_text="Prices move in steps of 0.01 USDT.")).to_be_visible()
    form.get_by_label("Price").fill("1000.00")
    form.get_by_label("Amount").fill("0.0001")
    expect(form.get_by_role("alert").filter(has_text="The least total is")).to_be_visible()
    form.get_by_label("Amount").fill("1")
    expect(form.get_by_label("Total")).to_have_value("1000")
    assert trader.complaints == []


def test_a_reload_keeps_the_person_signed_in_and_the_secret_unreadable(new_trader: TraderMaker) -> None:
    trader = new_trader()
    trader.sign_up()
    trader.page.reload()
    expect(trader.page.get_by_role("button", name="Account ")).to_be_visible()
    kept = trader.page.evaluate(
        """() => new Promise((done) => {
            const opening = indexedDB.open("openbourse");
            opening.onsuccess = () => {
                const read = opening.result.transaction("session").objectStore("session").get("current");
                read.onsuccess = () => done({ isExtractable: read.result.key.extractable, fields: Object.keys(read.result) });
            };
        })"""
    )
    assert kept["isExtractable"] is False
    assert "secretKey" not in kept["fields"]

    trader.page.get_by_role("button", name="Account ").click()
    trader.page.get_by_role("button", name="Sign out").click()
    expect(trader.page.get_by_role("button", name="Sign up", exact=True)).to_be_visible()
    trader.page.reload()
    expect(trader.page.get_by_role("button", name="Sign up", exact=True)).to_be_visible()


def test_an_api_key_made_on_the_page_is_shown_once_and_can_be_removed(new_trader: TraderMaker) -> None:
    trader = new_trader()
    trader.sign_up()
    trader.page.get_by_role("button", name="Account ").click()
    trader.page.get_by_role("button", name="API keys").click()
    dialog = trader.page.get_by_role("dialog")
    dialog.get_by_label("Label").fill("my bot")
    dialog.get_by_role("button", name="Make key").click()
    expect(dialog.get_by_label("Secret key")).not_to_have_value("")
    row = dialog.get_by_role("row").filter(has_text="my bot")
    expect(row).to_contain_text("Read, Trade")
    row.get_by_role("button", name="Remove").click()
    row.get_by_role("button", name="Really remove?").click()
    expect(row).to_be_hidden()


def test_without_sockets_the_page_still_sees_its_fills(new_trader: TraderMaker) -> None:
    maker, taker = new_trader(has_sockets=False), new_trader(has_sockets=False)
    for trader in (maker, taker):
        trader.sign_up()
        trader.take_test_funds()
    maker.order("Sell", "0.3", f"{maker.resting_price():.2f}")
    expect(maker.page.get_by_role("tab", name="Open orders (1)")).to_be_visible()
    taker.order("Buy", "0.1", None)
    taker.page.get_by_role("tab", name="My trades").click()
    expect(taker.page.get_by_test_id("past-fills").get_by_text("Buy").first).to_be_visible()
    expect(taker.page.get_by_role("status").filter(has_text="Reconnecting")).to_be_attached()


def test_the_page_says_that_it_is_live_while_its_sockets_are_open(new_trader: TraderMaker) -> None:
    trader = new_trader()
    trader.sign_up()
    expect(trader.page.get_by_role("status").filter(has_text="Live")).to_be_attached(timeout=5_000)


def test_the_page_fits_a_phone(new_trader: TraderMaker) -> None:
    trader = new_trader(width=390, height=844)
    assert trader.page.evaluate("document.documentElement.scrollWidth") <= 390
    trader.page.get_by_role("button", name="Book", exact=True).click()
    expect(trader.page.get_by_label("Order book")).to_be_visible()
    expect(trader.page.get_by_label("Price chart")).to_be_hidden()


def place_every_type(program: Client, last: Decimal) -> None:
    """Place an order of each conditional type, an iceberg and two lists, around the last price."""
    sell = {"symbol": "ETHUSDT", "side": "SELL", "quantity": "0.01"}
    low, high = f"{last * Decimal('0.9'):.2f}", f"{last * Decimal('1.1'):.2f}"
    program.place(**sell, type="STOP_LOSS_LIMIT", stopPrice=low, price=low, timeInForce="GTC")
    program.place(**sell, type="TAKE_PROFIT", stopPrice=high)
    program.place(**sell, type="STOP_LOSS", trailingDelta=150)
    buy = {"symbol": "ETHUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": low}
    program.place(**buy, quantity="0.5", icebergQty="0.1")
    oco = {**sell, "aboveType": "LIMIT_MAKER", "abovePrice": high, "belowType": "STOP_LOSS", "belowStopPrice": low}
    oto = {
        "symbol": "ETHUSDT",
        "workingType": "LIMIT",
        "workingSide": "BUY",
        "workingPrice": low,
        "workingQuantity": "0.02",
        "workingTimeInForce": "GTC",
        "pendingType": "TAKE_PROFIT",
        "pendingSide": "SELL",
        "pendingQuantity": "0.02",
        "pendingStopPrice": high,
    }
    for form, params in (("oco", oco), ("oto", oto)):
        answer = program.signed("POST", f"/api/v3/orderList/{form}", **params)
        assert answer.status_code == 200, answer.text


def test_orders_of_every_type_say_what_they_wait_for_from_events_and_after_a_reload(new_trader: TraderMaker) -> None:
    trader, other = new_trader(), new_trader()
    for each in (trader, other):
        each.sign_up()
        each.take_test_funds()
    price = trader.resting_price()
    other.order("Sell", "0.1", f"{price:.2f}")
    expect(other.page.get_by_role("tab", name="Open orders (1)")).to_be_visible()
    trader.order("Buy", "0.01", None)  # There is a last price now, which stops are measured against.
    expect(trader.page.get_by_text(re.compile("^Filled: Buy 0.01 ETH"))).to_be_visible()
    last = Decimal(trader.page.request.get("/api/v3/ticker/price?symbol=ETHUSDT").json()["price"])
    low, high = (f"{last * Decimal(share):,.2f}" for share in ("0.9", "1.1"))
    trader.page.get_by_role("tab", name=re.compile("Open orders")).click()
    place_every_type(trader.program(), last)

    def say_it_all() -> str:
        expect(trader.page.get_by_role("tab", name="Open orders (8)")).to_be_visible()
        table = trader.page.get_by_test_id("open-orders")
        for words in (
            *(f"Stop Loss Limit|{low}|Last ≤ {low}", f"Take Profit|Market|Last ≥ {high}"),
            *("Trailing Stop Loss|Market|Trailing 1.50 %", f"Limit|{low}|Shows 0.10", f"Limit MakerOCO|{high}|–"),
            *(
                f"Stop LossOCO|Market|Last ≤ {low}",
                f"LimitOTO|{low}|–",
                f"Take ProfitOTO|Market|Last ≥ {high}|Waits for order",
            ),
        ):
            pattern = ".*".join(re.escape(part) for part in words.split("|"))
            expect(table.get_by_role("row").filter(has_text=re.compile(pattern))).not_to_have_count(0)
        return str(table.inner_text())

    told = say_it_all()
    trader.page.reload()
    assert say_it_all() == told
    trader.page.get_by_role("button", name="Cancel all").click()
    trader.page.get_by_role("button", name="Cancel all?").click()
    expect(trader.page.get_by_text("No open orders.")).to_be_visible()
    trader.page.get_by_role("tab", name="Order history").click()
    past = trader.page.get_by_test_id("past-orders").get_by_role("row")
    row = past.filter(has_text=re.compile(f"ETH/USDT.*Stop Loss Limit.*Last ≤ {re.escape(low)}.*Canceled"))
    expect(row).to_have_count(1)
    assert trader.complaints == []


def test_on_a_phone_an_open_order_shows_all_its_figures_beside_its_cancel_button(new_trader: TraderMaker) -> None:
    trader = new_trader(width=390, height=844)
    trader.sign_up()
    trader.take_test_funds()
    trader.order("Buy", "0.01", "1000.00")
    trader.page.get_by_role("tab", name="Open orders (1)").click()
    row = trader.page.get_by_test_id("open-orders").get_by_role("row").nth(1)
    button = row.get_by_role("button", name="Cancel order").bounding_box()
    assert button is not None
    for label, words in (("Type", "Limit"), ("Price", "1,000.00"), ("Amount", "0.0100"), ("Filled", "0%")):
        cell = row.locator(f'td[data-label="{label}"]')
        expect(cell).to_have_text(words)
        box = cell.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        assert box["y"] >= button["y"] + button["height"] or box["x"] + box["width"] <= button["x"]
