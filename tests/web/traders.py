"""People at the trading page, in a real browser."""

import base64
import re
import secrets
import time
from dataclasses import dataclass, field
from decimal import Decimal

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from playwright.sync_api import Browser, Locator, Page, expect

from tests.exchange import Account, Client

FIRST_PRICE = Decimal(3000)


@dataclass
class Trader:
    """A person at the page."""

    page: Page
    base_url: str
    complaints: list[str] = field(default_factory=list)
    email: str = field(default_factory=lambda: f"{secrets.token_hex(6)}@example.com")
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    authenticator: str = ""
    """The second factor's secret, as an app keeps it."""

    def sign_up(self) -> None:
        page = self.page
        page.get_by_role("button", name="Sign up", exact=True).click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("E-mail").fill(self.email)
        dialog.get_by_label("Password").fill(self.password)
        dialog.get_by_role("button", name="Create account").click()
        expect(dialog).to_be_hidden()
        expect(page.get_by_role("button", name="Account ")).to_be_visible()

    def open(self, entry: str) -> Locator:
        """Open a dialog of the account's menu."""
        self.page.get_by_role("button", name="Account ").click()
        self.page.get_by_role("button", name=entry).click()
        return self.page.get_by_role("dialog")

    def sign_out(self) -> None:
        self.page.get_by_role("button", name="Account ").click()
        self.page.get_by_role("button", name="Sign out").click()
        expect(self.page.get_by_role("button", name="Sign up", exact=True)).to_be_visible()

    def device(self) -> str:
        """Return what the exchange calls this browser, from the cookie that it keeps."""
        [kept] = self.page.context.cookies(f"{self.base_url}/bourse/v1/sessions")
        assert (kept["secure"], kept["httpOnly"], kept["sameSite"]) == (True, True, "Strict")
        assert self.page.evaluate("document.cookie") == ""
        return kept["value"].split(".")[1]

    def code(self, steps: int = 0) -> str:
        """Return what the app shows now, or shows a step of 30 seconds later."""
        totp = TOTP(base64.b32decode(self.authenticator), 6, SHA1(), 30)
        return totp.generate(int(time.time()) + 30 * steps).decode()

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
