"""Order lists of a workload: every form, with legs that fit and some that do not."""

from typing import Any

import msgspec

from openbourse.protocol.commands import CancelOrderList, PlaceOrderList
from openbourse.protocol.instruments import Instrument, OrderType, Side
from openbourse.protocol.lists import ListForm
from sim.workload_exotic import Exotic
from sim.workload_known import Known
from sim.workload_trading import Trading

_LOSSES = (OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT)
_GAINS = (OrderType.LIMIT_MAKER, OrderType.LIMIT_MAKER, OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT)


class Lists:
    """Makes list commands from what is known."""

    def __init__(self, known: Known, trading: Trading, exotic: Exotic) -> None:
        self.known = known
        self.trading = trading
        self.exotic = exotic
        self.random = known.random
        self.serial = 0

    def pair(self, image: Instrument, side: int, quantity: int) -> list[dict[str, Any]]:
        """Return the legs of a pair, above then below."""
        kinds = (_GAINS, _LOSSES) if side == Side.SELL else (_LOSSES, _GAINS)
        legs = []
        for kind, way in zip(kinds, (1, -1), strict=True):
            order_type = self.random.choice(kind)
            if order_type == OrderType.LIMIT_MAKER:
                price = self.exotic.near(image) + way * image.tick * self.random.choice((1, 2, 4, 9))
                leg = self.exotic.fields(image, side=side, type=order_type, price=max(image.tick, price))
            else:
                leg = self.exotic.stop_fields(image, side, order_type)
                if "time_in_force" in leg and self.random.random() < 0.5:
                    leg["time_in_force"] = 1
            legs.append(leg | {"quantity": quantity})
        return legs

    def working(self, image: Instrument, side: int) -> dict[str, Any]:
        """Return the leg that works first: near enough to fill soon, often."""
        price = max(image.tick, self.exotic.near(image) + image.tick * self.random.randint(-4, 4))
        order_type = self.random.choice((1, 1, 1, 3))
        leg = self.exotic.fields(image, side=side, type=order_type, price=price)
        if order_type == OrderType.LIMIT and "iceberg" not in leg and "expires_us" not in leg:
            leg["time_in_force"] = self.random.choice((1, 1, 1, 1, 1, 2, 3))
        return leg

    def pending(self, image: Instrument, side: int) -> dict[str, Any]:
        """Return the leg that waits for the working one."""
        way = self.random.randrange(3)
        if way == 0:
            return self.exotic.stop_fields(image, side)
        if way == 1:
            return self.exotic.limit_fields(image) | {"side": side}
        return self.exotic.fields(image, side=side, type=OrderType.MARKET)

    def legs(self, image: Instrument, form: int) -> list[dict[str, Any]]:
        """Return the legs of a form."""
        side = self.random.choice((1, 2))
        quantity = self.exotic.quantity(image)
        if form == ListForm.OCO:
            return self.pair(image, side, quantity)
        if form in (ListForm.OPO, ListForm.OPOCO):
            first = self.working(image, Side.BUY)
            single = [self.pending(image, Side.SELL) | {"quantity": 0}]
            return [first, *(single if form == ListForm.OPO else self.pair(image, Side.SELL, 0))]
        first = self.working(image, side)
        after = self.random.choice((1, 2))
        if form == ListForm.OTO:
            return [first, self.pending(image, after)]
        return [first, *self.pair(image, after, quantity)]

    def place(self) -> PlaceOrderList:
        """Return a list: sound mostly, else with legs in another order, of another side, quantity or type."""
        image, account = self.known.any_image(), self.exotic.account()
        form = self.random.randrange(1, 6)
        legs = self.legs(image, form)
        way = self.random.randrange(40)
        if way == 0:
            legs.reverse()
        elif way == 1:
            self.random.choice(legs)["quantity"] = self.exotic.quantity(image)
        elif way == 2:
            self.random.choice(legs)["type"] = self.random.randrange(1, 8)
        elif way == 3:
            leg = self.random.choice(legs)
            leg["side"] = 3 - leg["side"]
        elif way == 4:
            form = self.random.randrange(1, 6)
        elif way == 5:
            legs = legs[: self.random.randrange(2, 4)]
        orders = [self.exotic.make(account, image, leg) for leg in legs]
        if way == 6:
            orders[1] = msgspec.structs.replace(orders[1], client_id=orders[0].client_id)
        elif way == 7:
            orders[1] = msgspec.structs.replace(orders[1], account=self.random.choice(self.known.accounts))
        return PlaceOrderList(form, self.new_client_id(account, image.instrument), tuple(orders))

    def new_client_id(self, account: int, instrument: int) -> str:
        """Return an id of its own, sometimes one that an open list has."""
        if self.random.random() < 0.05:
            for (place, _), (owner, client_id) in self.known.lists.items():
                if (owner, place) == (account, instrument):
                    return client_id
        self.serial += 1
        return f"l{self.serial}"

    def cancel(self) -> CancelOrderList:
        """Return a cancel of an open list by id, by client id, by both, or of nothing there is."""
        key = (1, 1)
        account, client_id = self.known.accounts[0], "l1"
        if self.known.lists:
            key = self.random.choice(list(self.known.lists)[-20:])
            account, client_id = self.known.lists[key]
        way = self.random.randrange(16)
        return CancelOrderList(
            account if way != 0 else self.random.choice((*self.known.accounts, 555)),
            key[0] if way != 1 else self.random.randrange(5),
            0 if way in (2, 3, 4, 5) else key[1],
            client_id if way in (3, 4, 5, 6, 7) else "other" if way == 8 else "",
            self.random.choice(("", "away")),
        )
