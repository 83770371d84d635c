"""A live venue as the stage of a story: requests over REST, and what is not a client's to say over the operator's way."""

import hashlib
import secrets
import time
from collections.abc import Iterator
from typing import Any, Final

import pytest

from openbourse import listings
from openbourse.edge.rendering import EXPIRY_REASONS
from openbourse.gateway.submission import refusal
from openbourse.protocol.amounts import parse_units
from openbourse.protocol.commands import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    CancelOrderList,
    CancelReplace,
    Command,
    ListForm,
    PlaceOrder,
    PlaceOrderList,
    RequestFlag,
    SetAssetLimit,
    SetDiscount,
    SetDiscountPrice,
    SetVenueRules,
)
from openbourse.protocol.events import Expiry
from openbourse.protocol.instruments import Side
from openbourse.protocol.rejects import RejectReason
from sim.story_engine import EngineRefusal
from sim.story_seen import Half, OrderSeen, Refusal, TradeSeen
from tests.exchange import Account, discard, new_exchange, sign
from tests.scenarios.live_venue import Theatre
from tests.scenarios.live_words import (
    amend_params,
    cancel_params,
    list_cancel_params,
    list_params,
    order_params,
    replace_params,
)

HOUSE: Final = 1
PAUSE_S_MAX: Final = 5.0
READY_S_MAX: Final = 10.0
_LIST_CODES: Final = (-1116, -1158, -1165, -1166, -1168, -1196, -1197, -1198, -1199, -1222, -1223)
_FORM_CODES: Final = (-1013, -1014, -1102, -1106, -1114, -1128, -1130, -1160)
# What the edge refuses by its form never reaches the engine: these codes stand for the engine's one word.
_EDGE_CODES: Final = {"INVALID_COMBINATION": _FORM_CODES, "INVALID_LIST": _LIST_CODES}
_EDGE_MESSAGES: Final = {
    "PRICE_FILTER": ("Price * QTY is zero or less.",),
    "LIQUIDITY_TOO_LOW": ("Order book liquidity is less than",),
}

ClientCommand = PlaceOrder | PlaceOrderList | CancelOrder | CancelAll | AmendOrder | CancelOrderList


class LiveRefusal:
    """A refusal as a client gets it: code and message."""

    def __init__(self, code: int, message: str, command: Command) -> None:
        self._code, self._message, self._command = code, message, command

    def __str__(self) -> str:
        return f"{self._code} {self._message}"

    def is_for(self, reason: str) -> bool:
        """Say whether a reject of that name looks so from outside."""
        told = refusal(RejectReason[reason], self._command)
        if (told.code, told.message) == (self._code, self._message):
            return True
        return self._code in _EDGE_CODES.get(reason, ()) or any(
            self._message.startswith(begin) for begin in _EDGE_MESSAGES.get(reason, ())
        )


class LiveStage:
    """One story on a running venue."""

    def __init__(self, theatre: Theatre) -> None:
        self._theatre = theatre
        self._operator = theatre.operator
        theatre.played += 1
        self._number = theatre.played
        self._nonce = secrets.token_hex(8)
        self._accounts: dict[int, Account] = {}
        self._symbols: dict[int, str] = {}
        self._orders: dict[str, tuple[int, int, int]] = {}
        self._lists: dict[str, tuple[int, int]] = {}
        self._last_trade: dict[int, int] = {}
        self._new_trades: dict[int, list[dict[str, Any]]] = {}
        self._cleaning: list[Command] = []
        self.refusals: list[Refusal] = []
        self.halves: tuple[Half, Half] | None = None
        self.is_tested = False
        self.is_duplicate = False

    def asset(self, code: str) -> int:
        """Return an asset of the venue's first listing."""
        return listings.ASSETS[code]

    def instrument(self, symbol: str) -> tuple[int, str]:
        """Return a new instrument's id and a symbol of the story's own."""
        number = 1_000 + 10 * self._number + len(self._symbols)
        self._symbols[number] = f"S{self._number}{symbol}"
        return number, self._symbols[number]

    def account(self, name: str, group: int) -> int:
        """Open an account."""
        made = self._operator.open_account(group)
        self._accounts[made.account_id] = made
        return made.account_id

    def now_us(self) -> int:
        """Return the time."""
        return time.time_ns() // 1_000

    def identity(self, name: str) -> bytes:
        """Return 32 bytes that stand for a name in this story."""
        return hashlib.sha256(f"{self._nonce} {name}".encode()).digest()

    def ready(self) -> None:
        """Wait until the edge knows the story's instruments."""
        deadline = time.monotonic() + READY_S_MAX
        for symbol in self._symbols.values():
            while self._theatre.http.get("/api/v3/exchangeInfo", params={"symbol": symbol}).status_code != 200:
                assert time.monotonic() < deadline, f"{symbol} is not listed"
                time.sleep(0.02)

    def begin_step(self) -> None:
        """Forget what the last step did."""
        for number, trades in self._new_trades.items():
            if trades:
                self._last_trade[number] = trades[-1]["id"]
        self._new_trades = {}
        self.refusals, self.halves, self.is_tested = [], None, False

    def perform(self, command: Command) -> None:
        """Send a request; or have the operator's command ordered."""
        match command:
            case PlaceOrder():
                self._place(command)
            case CancelOrder():
                self._send(command, "DELETE", "order", cancel_params(command), command.instrument)
            case CancelAll() if command.instrument:
                self._send(command, "DELETE", "openOrders", {}, command.instrument)
            case CancelReplace():
                self._replace(command)
            case AmendOrder():
                body = self._send(command, "PUT", "order/amend/keepPriority", amend_params(command), command.instrument)
                if body is not None:
                    self._note(command.account, command.instrument, body["amendedOrder"])
            case PlaceOrderList():
                self._place_list(command)
            case CancelOrderList():
                self._send(command, "DELETE", "orderList", list_cancel_params(command), command.instrument)
            case _:
                self._operate(command)

    def pass_time(self, span_us: int) -> None:
        """Wait: the venue's clock is everybody's."""
        assert span_us <= PAUSE_S_MAX * 1_000_000, "say that the story is for engines only"
        time.sleep(span_us / 1_000_000)

    def resend(self) -> None:
        """Fail: no client can do that."""
        raise AssertionError("say that the story is for engines only")

    def end_step(self) -> None:
        """Nothing is left to see."""

    def end(self) -> None:
        """Take back what holds for the whole venue."""
        for command in self._cleaning:
            self._operator.perform(command)

    def order_number(self, label: str) -> int:
        """Return the order id of a label."""
        return self._orders[label][2]

    def list_number(self, label: str) -> int:
        """Return the id that names a list to clients."""
        return self._lists[label][1]

    def order(self, label: str) -> OrderSeen | None:
        """Ask for an order; None when it was never accepted."""
        if label not in self._orders:
            return None
        account, instrument, number = self._orders[label]
        row = self._ask(account, "order", symbol=self._symbols[instrument], orderId=number)
        reason = row.get("expiryReason", "NONE")
        return OrderSeen(
            status=row["status"],
            expiry=Expiry(EXPIRY_REASONS.index(reason)).name,
            price=parse_units(row.get("peggedPrice", row["price"])),
            quantity=parse_units(row["origQty"]),
            executed=parse_units(row["executedQty"]),
            quote=parse_units(row["cummulativeQuoteQty"]),
            prevented=parse_units(row.get("preventedQuantity", "0")),
            stop=parse_units(row["stopPrice"]),
            iceberg=parse_units(row["icebergQty"]),
            is_working=row["isWorking"],
            is_tracking=row.get("trailingTime", -1) > 0,
        )

    def order_list(self, label: str) -> str:
        """Ask for the state of a list's orders."""
        if label not in self._lists:
            return ""
        return str(self._ask(self._lists[label][0], "orderList", origClientOrderId=label)["listOrderStatus"])

    def maker_and_taker(self, trade: int) -> tuple[str, str]:
        """Return the labels of a trade's maker and taker, as their owners see the trade."""
        self.trades()
        trades = [(number, row["id"]) for number, rows in self._new_trades.items() for row in rows]
        if trade >= len(trades):
            return "", ""
        instrument, number = trades[trade]
        labels = {(key[1], key[2]): label for label, key in self._orders.items()}
        found = {True: "", False: ""}
        for account in self._accounts:
            rows = self._ask(account, "myTrades", symbol=self._symbols[instrument], fromId=number, limit=2)
            for row in rows:
                if row["id"] == number:
                    found[row["isMaker"]] = labels.get((instrument, row["orderId"]), "")
        return found[True], found[False]

    def trades(self) -> list[TradeSeen]:
        """Ask for the public trades since the step began."""
        for number, symbol in self._symbols.items():
            rows = self._theatre.http.get("/api/v3/trades", params={"symbol": symbol, "limit": 1_000}).json()
            self._new_trades[number] = [row for row in rows if row["id"] > self._last_trade.get(number, 0)]
        return [
            TradeSeen(parse_units(row["qty"]), parse_units(row["price"]))
            for rows in self._new_trades.values()
            for row in rows
        ]

    def paid(self, label: str) -> dict[int, int]:
        """Ask for the commissions of an order in this step."""
        account, instrument, number = self._orders[label]
        found: dict[int, int] = {}
        for row in self._ask(account, "myTrades", symbol=self._symbols[instrument], orderId=number):
            if row["id"] > self._last_trade.get(instrument, 0):
                asset = self.asset(row["commissionAsset"])
                found[asset] = found.get(asset, 0) + parse_units(row["commission"])
        return found

    def balance(self, account: int, asset: int) -> tuple[int, int] | None:
        """Ask for a balance. The house's is not public."""
        if account == HOUSE:
            return None
        for row in self._ask(account, "account")["balances"]:
            if self.asset(row["asset"]) == asset:
                return parse_units(row["free"], 2**96), parse_units(row["locked"], 2**96)
        return 0, 0

    def levels(self, side: Side) -> list[tuple[int, int]]:
        """Ask for a side of the first instrument's book."""
        symbol = next(iter(self._symbols.values()))
        book = self._theatre.http.get("/api/v3/depth", params={"symbol": symbol, "limit": 5_000}).json()
        rows = book["bids" if side is Side.BUY else "asks"]
        return [(parse_units(price), parse_units(quantity, 2**96)) for price, quantity in rows]

    def indication(self) -> tuple[int, int, int] | None:
        """Return None: what an auction indicates is not asked of a live venue here."""
        return None

    def endings(self) -> set[str]:
        """Return nothing: that no order ends unsaid is asked of the engines."""
        return set()

    def is_patient(self) -> bool:
        """What is shown follows what happened a little later."""
        return True

    def _place(self, command: PlaceOrder) -> None:
        if command.flags & RequestFlag.TEST:
            body = self._send(command, "POST", "order/test", order_params(command), command.instrument)
            self.is_tested = body is not None
            return
        body = self._send(command, "POST", "order", order_params(command), command.instrument)
        if body is not None:
            self._note(command.account, command.instrument, body)

    def _place_list(self, command: PlaceOrderList) -> None:
        first = command.legs[0]
        path = f"orderList/{ListForm(command.form).name.lower()}"
        body = self._send(command, "POST", path, list_params(command), first.instrument)
        if body is not None:
            self._lists[command.list_client_id] = (first.account, body["orderListId"])
            for leg in body["orders"]:
                self._note(first.account, first.instrument, leg)

    def _replace(self, command: CancelReplace) -> None:
        new = command.new
        params = replace_params(command) | {"symbol": self._symbols[new.instrument]}
        body = self._request(new.account, "POST", "order/cancelReplace", params)
        halves = body.get("data", body)
        if "cancelResult" not in halves:
            self.refusals.append(LiveRefusal(body["code"], body["msg"], command))
            return
        shown = [
            (halves["cancelResult"], halves["cancelResponse"]),
            (halves["newOrderResult"], halves["newOrderResponse"]),
        ]
        ends = [
            Half(result, LiveRefusal(told["code"], told["msg"], command) if result == "FAILURE" else None)
            for result, told in shown
        ]
        self.halves = (ends[0], ends[1])
        if halves["newOrderResult"] == "SUCCESS":
            self._note(new.account, new.instrument, halves["newOrderResponse"])

    def _note(self, account: int, instrument: int, order: dict[str, Any]) -> None:
        self._orders[order["clientOrderId"]] = (account, instrument, order["orderId"])

    def _send(self, command: ClientCommand, method: str, path: str, params: dict[str, Any], instrument: int) -> Any:
        """Send a request of a command's account; return the answer, or None and keep the refusal."""
        account = command.legs[0].account if isinstance(command, PlaceOrderList) else command.account
        body = self._request(account, method, path, params | {"symbol": self._symbols[instrument]})
        if isinstance(body, dict) and "code" in body:
            self.refusals.append(LiveRefusal(body["code"], body["msg"], command))
            return None
        return body

    def _request(self, account: int, method: str, path: str, params: dict[str, Any]) -> Any:
        who = self._accounts[account]
        return self._theatre.http.request(
            method, f"/api/v3/{path}?{sign(who, params)}", headers={"X-MBX-APIKEY": who.api_key}
        ).json()

    def _ask(self, account: int, path: str, **params: object) -> Any:
        body = self._request(account, "GET", path, params)
        assert not isinstance(body, dict) or "code" not in body, f"{path} {params}: {body}"
        return body

    def _operate(self, command: Command) -> None:
        match command:
            case SetVenueRules():
                self._cleaning.append(SetVenueRules(0, 0, 0, 0))
            case SetAssetLimit():
                self._cleaning.append(SetAssetLimit(command.asset, 0))
            case SetDiscount():
                self._cleaning.append(SetDiscount(0, 0))
            case SetDiscountPrice():
                self._cleaning.append(SetDiscountPrice(command.asset, 0))
        reject = self._operator.perform(command)
        if reject is not None:
            self.refusals.append(EngineRefusal(reject.reason))


@pytest.fixture(scope="module")
def theatre() -> Iterator[Theatre]:
    """A venue of the stories' own, for they change fees and filters that others count on."""
    venue = new_exchange()
    try:
        venue.start()
        made = Theatre(venue)
        yield made
        made.close()
    finally:
        discard(venue)
