"""Orders are read as Binance reads them and answered from what the engine decided."""

from typing import Any

import pytest

from openbourse.edge.errors import ApiError
from openbourse.edge.intake import Answer
from openbourse.edge.listing import Listing
from openbourse.edge.operations import Call, Caller, Operation, OrderCounts
from openbourse.edge.params import Params
from openbourse.engine import Engine
from openbourse.gateway import api, general
from openbourse.listings import ASSETS, INSTRUMENTS
from openbourse.protocol import commands, events
from openbourse.protocol.amounts import UNIT

ACCOUNT = 1_000
LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "60000",
    "quantity": "0.01",
}


class EngineIntake:
    """An intake without a journal, for tests: the engine answers at once."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.listing = Listing()

    async def submit(self, command: commands.Command, not_after_us: int) -> Answer:
        sequence = self.engine.sequence + 1
        raw, _ = self.engine.apply(sequence, sequence, command.encode())
        self.listing.apply(events.decode(raw))
        return Answer(sequence, sequence, raw, OrderCounts(1, 1))

    async def committed(self) -> int:
        return self.engine.sequence


@pytest.fixture
async def intake() -> EngineIntake:
    made = EngineIntake()
    for code, asset in ASSETS.items():
        await made.submit(commands.CreateAsset(asset, code), 0)
    for image in INSTRUMENTS:
        await made.submit(commands.ListInstrument(image), 0)
    for account in (ACCOUNT, ACCOUNT + 1):
        await made.submit(commands.OpenAccount(account), 0)
        for asset in ASSETS.values():
            identity = (account * 100 + asset).to_bytes(32, "little")
            await made.submit(commands.CreditDeposit(account, asset, 10**6 * UNIT, identity), 0)
    return made


async def ask(intake: EngineIntake, method: str, path: str, params: dict[str, str], account: int = ACCOUNT) -> Any:
    listed: list[Operation] = [*api.operations(intake, intake.listing), *general.operations(intake.listing, 1, 1, 1)]
    (operation,) = [found for found in listed if found.rest == (method, f"/api/v3/{path}")]
    caller = Caller(account, account, "k" * 64, frozenset({"READ", "TRADE"}))
    return await operation.handler(Call(Params(params), caller, 0))


async def test_two_orders_trade_and_the_full_answer_lists_the_fill(intake: EngineIntake) -> None:
    resting = await ask(intake, "POST", "order", LIMIT)
    assert (resting["status"], resting["fills"]) == ("NEW", [])
    taker = {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "0.004"}
    answer = await ask(intake, "POST", "order", taker, ACCOUNT + 1)
    assert (answer["status"], answer["executedQty"], answer["price"]) == ("FILLED", "0.00400000", "0.00000000")
    (fill,) = answer["fills"]
    assert (fill["price"], fill["qty"], fill["commissionAsset"]) == ("60000.00000000", "0.00400000", "USDT")
    canceled = await ask(intake, "DELETE", "order", {"symbol": "BTCUSDT", "orderId": str(resting["orderId"])})
    assert (canceled["status"], canceled["executedQty"]) == ("CANCELED", "0.00400000")
    assert canceled["origClientOrderId"] == resting["clientOrderId"]


async def test_a_test_order_places_nothing(intake: EngineIntake) -> None:
    assert await ask(intake, "POST", "order/test", LIMIT) == {}
    with pytest.raises(ApiError, match="Unknown order"):
        await ask(intake, "DELETE", "openOrders", {"symbol": "BTCUSDT"})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": "NOSUCH"}, -1121),
        ({"side": "HOLD"}, -1117),
        ({"type": "WISH"}, -1116),
        ({"timeInForce": ""}, -1102),
        ({"price": "1e5"}, -1100),
        ({"price": "60000.001"}, -1013),
        ({"quantity": "0.123456789"}, -1111),
        ({"quantity": "9" * 40}, -1108),
        ({"quantity": "100"}, -2010),
        ({"type": "MARKET"}, -1106),
        ({"type": "STOP_LOSS"}, -2010),
        ({"quoteOrderQty": "5"}, -1106),
        ({"stopPrice": "5"}, -1106),
        ({"icebergQty": "0.001"}, -2010),
        ({"strategyType": "7"}, -1134),
        ({"newClientOrderId": "a b"}, -1100),
        ({"newOrderRespType": "ALL"}, -1130),
        ({"type": "LIMIT_MAKER", "timeInForce": "IOC"}, -1114),
    ],
)
async def test_what_does_not_belong_together_is_refused(
    intake: EngineIntake, changes: dict[str, str], code: int
) -> None:
    with pytest.raises(ApiError) as raised:
        await ask(intake, "POST", "order", {**LIMIT, **changes})
    assert raised.value.code == code


async def test_replacing_tells_both_halves(intake: EngineIntake) -> None:
    old = await ask(intake, "POST", "order", LIMIT)
    replace = {**LIMIT, "price": "59000", "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": str(old["orderId"])}
    done = await ask(intake, "POST", "order/cancelReplace", replace)
    assert (done["cancelResult"], done["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    assert done["newOrderResponse"]["price"] == "59000.00000000"
    with pytest.raises(ApiError) as raised:
        await ask(intake, "POST", "order/cancelReplace", replace)
    assert (raised.value.code, raised.value.status) == (-2022, 400)
    assert raised.value.data["newOrderResult"] == "NOT_ATTEMPTED"  # type: ignore[index]
    with pytest.raises(ApiError) as raised:
        await ask(intake, "POST", "order/cancelReplace", {**replace, "cancelReplaceMode": "ALLOW_FAILURE"})
    assert (raised.value.code, raised.value.status) == (-2021, 409)


async def test_exchange_info_names_every_filter(intake: EngineIntake) -> None:
    info = await ask(intake, "GET", "exchangeInfo", {"symbol": "BTCUSDT"})
    (symbol,) = info["symbols"]
    assert {found["filterType"] for found in symbol["filters"]} >= {"PRICE_FILTER", "LOT_SIZE", "NOTIONAL"}
    assert (symbol["permissions"], symbol["permissionSets"]) == ([], [["SPOT"]])
