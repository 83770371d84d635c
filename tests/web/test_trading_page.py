"""The trading page in a real browser, against a real exchange."""

import re

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.web.traders import TraderMaker

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(180)]


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

    trader.form.get_by_label("Price").fill("")
    trader.page.get_by_role("group", name="Prices, by the arrow keys").focus()
    trader.page.keyboard.press("ArrowDown")
    trader.page.keyboard.press("Enter")
    expect(trader.form.get_by_label("Price")).to_have_value(re.compile(r"\d"))

    row.get_by_role("button", name="Cancel order").press("Enter")
    expect(trader.page.get_by_text("No open orders.")).to_be_visible()
    expect(trader.page.get_by_role("tabpanel")).to_be_focused()
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

    trader.sign_out()
    trader.page.reload()
    expect(trader.page.get_by_role("button", name="Sign up", exact=True)).to_be_visible()


def press_escape_in_vain(page: Page, dialog: Locator) -> None:
    """See that what is shown once stays: a browser lets a page keep a dialog open at the first Escape only."""
    for _ in range(3):
        page.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("button", name="Close")).to_be_hidden()


def test_a_second_factor_is_set_up_and_asked_for_at_the_next_sign_in(new_trader: TraderMaker) -> None:
    trader = new_trader()
    trader.sign_up()
    trader.program()  # a session elsewhere
    trader.page.route("**/bourse/v1/second-factor?*", lambda route: route.abort(), times=1)
    dialog = trader.open("Security")
    expect(dialog.get_by_text("Loading")).to_have_count(0)
    dialog.get_by_role("button", name="Try again").click()
    sessions = dialog.get_by_label("Sessions").get_by_role("row")
    expect(sessions).to_have_count(3)
    dialog.get_by_role("button", name="Set up").click()
    dialog.get_by_label("Your password").fill(trader.password)
    dialog.get_by_role("button", name="Go on").click()
    expect(dialog.get_by_role("img", name="QR code for your authenticator app")).to_be_visible()
    trader.authenticator = dialog.get_by_label("Secret").input_value()
    dialog.get_by_label("Code from your authenticator app").fill(trader.code())
    dialog.get_by_role("button", name="Switch on").click()
    listed = dialog.get_by_role("list", name="Recovery codes").get_by_role("listitem")
    expect(listed).to_have_count(10)
    codes = listed.all_inner_texts()
    assert len(set(codes)) == 10
    press_escape_in_vain(trader.page, dialog)
    with trader.page.expect_download() as download:
        dialog.get_by_role("button", name="Download").click()
    assert download.value.path().read_text().split() == codes
    dialog.get_by_role("button", name="I have kept them").click()
    expect(dialog.get_by_text("Recovery codes left: 10.")).to_be_visible()
    expect(sessions).to_have_count(2)

    device = trader.device()
    dialog.get_by_role("button", name="Close").click()
    trader.sign_out()
    trader.page.get_by_role("button", name="Sign in", exact=True).click()
    dialog.get_by_label("E-mail").fill(trader.email)
    dialog.get_by_label("Password").fill(trader.password)
    dialog.get_by_role("button", name="Sign in").click()
    dialog.get_by_label("Code from your authenticator app").fill("12345")
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog.get_by_role("alert")).to_have_text("The code is wrong, or was used already.")
    dialog.get_by_label("Code from your authenticator app").fill(trader.code(steps=1))
    dialog.get_by_role("button", name="Sign in").click()
    expect(trader.page.get_by_role("button", name="Account ")).to_be_visible()
    assert trader.device() == device, "the browser said who it is"

    dialog = trader.open("API keys")
    dialog.get_by_role("button", name="Use a recovery code").click()
    dialog.get_by_label("Recovery code").fill(codes[0])
    dialog.get_by_role("button", name="Make key").click()
    expect(dialog.get_by_label("Secret key")).not_to_have_value("")
    assert trader.complaints == []


def test_an_api_key_made_on_the_page_is_shown_once_and_can_be_removed(new_trader: TraderMaker) -> None:
    trader = new_trader()
    trader.sign_up()
    dialog = trader.open("API keys")
    dialog.get_by_label("Label").fill("my bot")
    dialog.get_by_role("button", name="Make key").click()
    expect(dialog.get_by_label("Secret key")).not_to_have_value("")
    press_escape_in_vain(trader.page, dialog)
    expect(dialog.get_by_label("Secret key")).not_to_have_value("")
    dialog.get_by_role("button", name="I have kept it").click()
    row = dialog.get_by_role("row").filter(has_text="my bot")
    expect(row).to_contain_text("Read, Trade")
    row.get_by_role("button", name="Remove").click()
    row.get_by_role("button", name="Really remove?").click()
    expect(row).to_be_hidden()
    assert dialog.evaluate("it => it.contains(document.activeElement)")
    trader.page.keyboard.press("Escape")
    expect(trader.page.get_by_role("button", name="Account ")).to_be_focused()


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


def test_the_page_says_that_it_is_live_and_since_when_it_is_not(new_trader: TraderMaker) -> None:
    trader = new_trader()
    trader.sign_up()
    live = trader.page.get_by_role("status").filter(has_text="Live")
    expect(live).to_be_attached(timeout=5_000)
    trader.page.context.set_offline(True)
    banner = trader.page.get_by_role("alert").filter(
        has_text="No connection to the exchange: prices, orders and balances are"
    )
    expect(banner).to_be_visible(timeout=10_000)
    busy = {
        "code": -1008,
        "msg": "Server is currently overloaded with other requests. Please try again in a few minutes.",
    }
    trader.page.route("**/api/v3/account?*", lambda route: route.fulfill(status=503, json=busy))
    trader.page.context.set_offline(False)
    expect(banner).to_be_hidden()
    expect(live).to_be_attached()
    with trader.page.expect_response(lambda answer: "/api/v3/account?" in answer.url and answer.ok, timeout=10_000):
        trader.page.unroute("**/api/v3/account?*")


def test_the_page_fits_a_phone(new_trader: TraderMaker) -> None:
    trader = new_trader(width=390, height=844)
    assert trader.page.evaluate("document.documentElement.scrollWidth") <= 390
    trader.page.get_by_role("button", name="Book", exact=True).click()
    expect(trader.page.get_by_label("Order book")).to_be_visible()
    expect(trader.page.get_by_label("Price chart")).to_be_hidden()
    trader.page.get_by_role("button", name="Trades", exact=True).click()
    tape, form = trader.page.get_by_label("Recent trades").bounding_box(), trader.form.bounding_box()
    assert tape is not None
    assert form is not None
    assert tape["y"] < form["y"]
