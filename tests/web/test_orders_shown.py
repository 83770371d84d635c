"""What the page says of orders, refusals and notices, in a real browser."""

import re
from decimal import Decimal

import pytest
from playwright.sync_api import Locator, expect

from tests.exchange import Client
from tests.web.traders import Trader, TraderMaker

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(180)]


def last_price_after_a_trade(trader: Trader, other: Trader) -> Decimal:
    """Let one buy of the other, so that there is a last price to measure triggers against."""
    price = trader.resting_price()
    other.order("Sell", "0.1", f"{price:.2f}")
    expect(other.page.get_by_role("tab", name="Open orders (1)")).to_be_visible()
    trader.order("Buy", "0.01", None)
    expect(trader.page.get_by_text(re.compile("^Filled: Buy 0.01 ETH"))).to_be_visible()
    return Decimal(trader.page.request.get("/api/v3/ticker/price?symbol=ETHUSDT").json()["price"])


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
    last = last_price_after_a_trade(trader, other)
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


FILL = {
    "symbol": "ETHUSDT",
    "id": 1,
    "orderId": 1,
    "time": 1_795_000_000_000,
    "price": "12345.67000000",
    "qty": "123.45670000",
    "quoteQty": "1524155.67000000",
    "commission": "1524.15567000",
    "commissionAsset": "USDT",
    "isBuyer": False,
    "isMaker": True,
}


def lies_within(cell: Locator, width: int) -> bool:
    """Whether all of what a cell says is on the screen: none of it is cut off, or reached by scrolling sideways."""
    box = cell.bounding_box()
    assert box is not None
    is_whole = bool(cell.evaluate("it => it.scrollWidth <= it.clientWidth"))
    return is_whole and box["x"] >= 0 and box["x"] + box["width"] <= width


def test_on_a_phone_trades_and_keys_show_all_their_figures(new_trader: TraderMaker) -> None:
    trader = new_trader(width=390, height=844)
    page = trader.page
    page.route("**/api/v3/myTrades?*", lambda route: route.fulfill(json=[FILL]))
    trader.sign_up()
    page.get_by_role("tab", name="My trades").click()
    row = page.get_by_test_id("past-fills").get_by_role("row").last
    for words in ("Sell", "12,345.67", "123.4567", "1,524,155.67", "1524.15567 USDT", "Maker"):
        cell = row.locator("td").filter(has_text=re.compile(f"{re.escape(words)}$"))
        assert lies_within(cell, 390), words

    dialog = trader.open("API keys")
    dialog.get_by_label("Label").fill("a bot with a name that is longer than others")
    dialog.get_by_label("Only from these addresses").fill("203.0.113.7, 198.51.100.0/24, 2001:db8::7334")
    dialog.get_by_role("button", name="Make key").click()
    dialog.get_by_role("button", name="I have kept it").click()
    row = dialog.get_by_role("row").filter(has_text="a bot with a name")
    for words in ("longer than others", "HMAC", "Read, Trade", "2001:db8::7334/128", "Remove"):
        assert lies_within(row.locator("td").filter(has_text=words), 390), words
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


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


def test_a_refusal_says_what_to_do_next_and_keeps_the_code(new_trader: TraderMaker) -> None:
    trader = new_trader()
    trader.sign_up()
    trader.take_test_funds()
    refusal = {"code": -1013, "msg": "Filter failure: MARKET_LOT_SIZE"}
    trader.page.route("**/api/v3/order?*", lambda route: route.fulfill(status=400, json=refusal))
    trader.order("Buy", "0.01", "1000.00")
    notice = trader.page.get_by_role("alert").filter(has_text="Order refused")
    expect(notice).to_contain_text("A market order takes from 0.0001 to")
    expect(notice.locator("small")).to_have_text("MARKET_LOT_SIZE · -1013")


def test_a_price_far_from_the_average_is_said_before_sending(new_trader: TraderMaker) -> None:
    trader = new_trader()
    trader.page.route("**/api/v3/avgPrice?*", lambda route: route.fulfill(json={"price": "3000.00000000"}))
    trader.page.route_web_socket(re.compile("."), lambda socket: socket.close())
    trader.page.reload()
    trader.form.get_by_label("Price").fill("599.99")
    words = "Too far from the average price: choose one between 600.00 and 15,000.00 USDT."
    expect(trader.form.get_by_role("alert").filter(has_text=words)).to_be_visible()
    trader.form.get_by_label("Price").fill("600.00")
    expect(trader.form.get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize(("width", "most"), [(1440, 2), (390, 1)])
def test_notices_are_few_and_lie_over_nothing_that_stays(new_trader: TraderMaker, width: int, most: int) -> None:
    trader = new_trader(width=width)
    trader.sign_up()
    trader.take_test_funds()
    trader.order("Buy", "0.01", "1000.00")
    expect(trader.page.get_by_text("Order placed")).to_be_visible()
    notices = trader.page.locator(".toast:visible")
    assert 1 <= notices.count() <= most
    lowest = notices.last.bounding_box()
    assert lowest is not None
    if width == 1440:
        tape = trader.page.get_by_label("Recent trades").bounding_box()
        first = notices.first.bounding_box()
        assert tape is not None
        assert first is not None
        assert first["y"] >= tape["y"] + tape["height"]
    else:
        assert lowest["y"] + lowest["height"] > 844 - 60


def test_orders_with_a_condition_are_placed_shown_and_canceled(new_trader: TraderMaker) -> None:
    trader, other = new_trader(), new_trader()
    for each in (trader, other):
        each.sign_up()
        each.take_test_funds()
    last = last_price_after_a_trade(trader, other)
    low, high = f"{last * Decimal('0.9'):.2f}", f"{last * Decimal('1.1'):.2f}"
    form, page = trader.form, trader.page
    kinds = form.get_by_label("Order with a condition")
    form.get_by_role("button", name="Sell", exact=True).click()
    # A trigger on the wrong side says so and offers the type whose side it is.
    kinds.select_option("STOP_LIMIT")
    form.get_by_label("Trigger").fill(high)
    form.get_by_role("button", name="Make it a take-profit limit order").click()
    expect(kinds).to_have_value("TAKE_PROFIT_LIMIT")
    kinds.select_option("OCO")
    form.get_by_label("Take profit").fill(high)
    form.get_by_label("Stop loss").fill(low)
    form.get_by_label("Amount").fill("0.01")
    expect(form).to_contain_text("or, if the price falls to")
    form.get_by_role("button", name="Sell ETH").click()
    expect(page.get_by_text("OCO placed")).to_be_visible()
    kinds.select_option("TRAILING")
    form.get_by_label("Trailing delta").fill("1.5")
    form.get_by_label("Amount").fill("0.01")
    form.get_by_role("button", name="Sell ETH").click()
    page.get_by_role("tab", name="Open orders (3)").click()
    orders = page.get_by_test_id("open-orders")
    expect(orders).to_contain_text("Trailing 1.50 %")
    expect(orders).to_contain_text("Limit Maker")
    orders.get_by_role("button", name=re.compile("^Cancel both")).first.click()
    expect(page.get_by_text("OCO canceled")).to_be_visible()
    expect(page.get_by_role("tab", name="Open orders (1)")).to_be_visible()
    assert trader.complaints == []
