"""Money in and out at the page, and files of what was traded."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.web.traders import TraderMaker

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(180)]

WITHDRAWALS = "**/bourse/v1/withdrawals?*"
ADDRESS = "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"


def look_at_deposits(page: Page) -> None:
    """See the exchange's refusal as it is, and an address as it would be."""
    page.get_by_role("tabpanel").get_by_role("button", name="Deposit").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("alert")).to_have_text("Deposits by chain are not open on this venue.")
    told = {"coin": "ETH", "address": ADDRESS, "tag": "", "url": ""}
    page.route("**/capital/deposit/address?*", lambda route: route.fulfill(json=told))
    dialog.get_by_label("Coin").select_option("ETH")
    expect(dialog.get_by_label("Address for ETH")).to_have_value(ADDRESS)
    dialog.get_by_role("button", name="Close").click()


def ask_for_a_withdrawal(page: Page) -> None:
    """Be refused for a slip of the hand and for too much, then have it held, once, though the answer is lost."""
    page.get_by_role("tabpanel").get_by_role("button", name="Withdraw").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Coin").select_option("BTC")
    expect(dialog.get_by_test_id("withdrawable")).to_have_text("1 BTC")
    dialog.get_by_label("Address").fill(f"{ADDRESS[:-1]}3")
    dialog.get_by_label("Amount").fill("1.5")
    expect(dialog.get_by_role("alert")).to_have_text("Only 1 BTC is available.")
    dialog.get_by_label("Amount").fill("0.3")
    dialog.get_by_role("button", name="Withdraw BTC").click()
    expect(dialog.get_by_role("alert")).to_contain_text("That is no address for BTC")
    dialog.get_by_label("Address").fill(ADDRESS)
    page.route(WITHDRAWALS, lose_the_answer)
    dialog.get_by_role("button", name="Withdraw BTC").click()
    expect(dialog.get_by_role("alert")).to_contain_text("No answer came to the withdrawal of 0.3 BTC")
    dialog.get_by_role("button", name="Close").click()

    page.get_by_role("tabpanel").get_by_role("button", name="Withdraw").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Waiting for it to appear under Transfers")
    dialog.get_by_label("Address").fill(ADDRESS)
    dialog.get_by_label("Amount").fill("0.3")
    page.unroute(WITHDRAWALS)
    page.route(WITHDRAWALS, lambda route: route.abort() if route.request.method == "GET" else route.continue_())
    dialog.get_by_role("button", name="Withdraw BTC").click()
    expect(page.get_by_text("Withdrawal asked for already")).to_be_visible()
    expect(dialog).to_be_hidden()
    page.unroute(WITHDRAWALS)


def lose_the_answer(route: Route) -> None:
    """Let a request for a withdrawal through, and nothing back; nor any word of those that there are."""
    if route.request.method == "POST":
        route.fetch()
    route.abort()


def test_money_is_asked_for_taken_back_and_told_of(new_trader: TraderMaker) -> None:
    trader = new_trader()
    page = trader.page
    trader.sign_up()
    trader.take_test_funds()
    look_at_deposits(page)
    ask_for_a_withdrawal(page)
    expect(trader.balance_cell("BTC", "held")).to_have_text("0.30")
    page.get_by_role("tab", name="Transfers").click()
    rows = page.get_by_test_id("transfers").get_by_role("row")
    expect(rows.filter(has_text=re.compile("Deposit.*1 BTC.*Credited"))).to_have_count(1)
    asked = rows.filter(has_text=re.compile("Withdrawal.*0.3 BTC.*Awaiting approval"))
    asked.get_by_role("button", name="Cancel").click()
    asked.get_by_role("button", name="Really cancel?").click()
    expect(rows.filter(has_text=re.compile("Withdrawal.*0.3 BTC.*Canceled"))).to_have_count(1)
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_have_count(0)
    page.get_by_role("tab", name="Balances").click()
    expect(trader.balance_cell("BTC", "available")).to_have_text("1.00")

    trader.order("Buy", "0.01", "1000.00")
    page.get_by_role("tab", name="Open orders (1)").click()
    page.get_by_role("button", name="Cancel order").click()
    page.get_by_role("tab", name="Order history").click()
    expect(page.get_by_text("The file goes back 90 days, up to 20,000 rows.")).to_be_visible()
    with page.expect_download() as saving:
        page.get_by_role("button", name="Download CSV").click()
    header, row = Path(saving.value.path()).read_text().splitlines()
    told = dict(zip(header.split(","), row.split(","), strict=True))
    assert (told["price"], told["origQty"], told["status"]) == ("1000.00000000", "0.01000000", "CANCELED")
    assert trader.complaints == []
