"""The orders of rules version 2: stops, trailing ones, icebergs, pegs and auction orders, near the market so that they act."""

from typing import Any

import msgspec

from openbourse.protocol.commands import AmendOrder, CancelOrder, CancelReplace, Command, PlaceOrder, RequestFlag
from openbourse.protocol.instruments import Instrument, OrderType, PegType, Side, TimeInForce
from sim.workload_known import Known
from sim.workload_trading import Trading

_LOSSES = (OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT)
_LIMIT_STOPS = (OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT)
_MOST = 2**63 - 1
_ODD = (-(2**63), -1, 0, 1, 7, 2**62, 2**63 - 1)


class Exotic:
    """Makes order commands that only rules 2 know."""

    def __init__(self, known: Known, trading: Trading) -> None:
        self.known = known
        self.trading = trading
        self.random = known.random

    def near(self, image: Instrument) -> int:
        """Return the last price, or the middle as long as there is none."""
        return self.known.last.get(image.instrument, self.trading.middle(image))

    def account(self) -> int:
        """Return an account: often one of a few, who come to have much open and to meet themselves."""
        return self.random.choice(self.known.accounts[:3] if self.random.random() < 0.5 else self.known.accounts)

    def quantity(self, image: Instrument) -> int:
        """Return a quantity of some lots, of which market orders take most too."""
        return (image.market_step or image.step) * self.random.choice((2, 3, 5, 8, 12, 20))

    def extras(self, image: Instrument, order: dict[str, Any]) -> dict[str, Any]:
        """Return an iceberg, a peg, a good-till time, or mostly nothing, as goes with an order's fields."""
        extras: dict[str, Any] = {}
        pick = self.random.choice
        is_limit = order["type"] not in (OrderType.MARKET, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT)
        is_gtc = order.get("time_in_force", TimeInForce.GTC) == TimeInForce.GTC
        if is_limit and is_gtc and self.random.random() < 0.15:
            extras["iceberg"] = max(image.step, order["quantity"] // pick((2, 3, 5, 9)) // image.step * image.step)
        if is_limit and is_gtc and self.random.random() < 0.12:
            extras["expires_us"] = self.known.time_us + pick((1, 1_000, 2_000_000, 90_000_000, 900_000_000))
        if is_limit and self.random.random() < 0.1:
            extras |= self.peg(order["type"])
            if pick((True, True, False)):
                extras["price"] = 0
        if self.random.random() < 0.02:
            name = pick(("iceberg", "expires_us", "stop_price", "trailing_delta", "peg_type"))
            extras[name] = pick(_ODD) if name in ("iceberg", "expires_us", "stop_price") else pick((0, 1, 3, 9_999))
            if name == "peg_type":
                extras |= {"peg_type": pick((1, 2, 2, 0)), "peg_offset": pick((0, 100, 101))}
        return extras

    def peg(self, order_type: int) -> dict[str, Any]:
        """Return a peg to one of the first levels."""
        own = order_type == OrderType.LIMIT_MAKER or self.random.random() < 0.6
        kind = PegType.PRIMARY if own and self.random.random() < 0.97 else PegType.MARKET
        return {"peg_type": kind, "peg_offset": self.random.choice((0, 0, 0, 1, 2, 5))}

    def fields(self, image: Instrument, **given: Any) -> dict[str, Any]:
        """Return an order's fields with extras; what is given stays unless the extras of that order change it."""
        fields = {"side": self.random.choice((1, 2)), "quantity": self.quantity(image)} | given
        return fields | self.extras(image, fields)

    def make(self, account: int, image: Instrument, fields: dict[str, Any]) -> PlaceOrder:
        """Return an order request of such fields."""
        named = {name: value for name, value in fields.items() if name not in _EXTENDED}
        order = self.trading.order(account, image, **named)
        if self.random.random() < 0.3:
            order = msgspec.structs.replace(order, stp=5)
        # A changed instrument may have a tick or a step so large that multiples of it do not fit.
        return msgspec.structs.replace(order, **{name: min(fields[name], _MOST) for name in _EXTENDED & set(fields)})

    def stop_fields(self, image: Instrument, side: int | None = None, order_type: int | None = None) -> dict[str, Any]:
        """Return the fields of a stop order, mostly one that a few ticks fire."""
        pick = self.random.choice
        side = side or pick((1, 2))
        order_type = order_type or pick((4, 5, 6, 7))
        fields: dict[str, Any] = {"side": side, "type": order_type}
        is_rising = (order_type in _LOSSES) == (side == Side.BUY)
        distance = image.tick * self.random.choice((1, 1, 2, 3, 5, 9, 20))
        if self.random.random() < 0.04:
            distance = -distance
        stop = max(image.tick, self.near(image) + (distance if is_rising else -distance))
        way = self.random.random()
        if way < 0.75:
            fields["stop_price"] = stop
        if way > 0.55:
            fields["trailing_delta"] = self.delta(image)
        if order_type in _LIMIT_STOPS:
            fields["price"] = max(image.tick, stop + image.tick * self.random.randint(-6, 6))
            fields["time_in_force"] = pick((1, 1, 1, 1, 2, 3))
        return self.fields(image, **fields)

    def delta(self, image: Instrument) -> int:
        """Return a trailing distance, sometimes one that a whole number of ticks meets exactly."""
        distance = 10_000 * image.tick * self.random.choice((1, 2, 3))
        if distance % self.near(image) == 0 and self.random.random() < 0.8:
            return min(distance // self.near(image), 9_999)
        return self.random.choice((1, 1, 2, 5, 20, 100, 500, 2_000))

    def stop(self) -> PlaceOrder:
        """Return a stop order."""
        image = self.known.any_image()
        order = self.make(self.account(), image, self.stop_fields(image))
        return msgspec.structs.replace(order, flags=order.flags | RequestFlag.TEST) if self.odds(0.01) else order

    def odds(self, chance: float) -> bool:
        """Throw the dice."""
        return self.random.random() < chance

    def limit_fields(self, image: Instrument, **given: Any) -> dict[str, Any]:
        """Return the fields of a limit order with one extra at least, mostly."""
        price = self.near(image) + image.tick * self.random.randint(-8, 8)
        fields = {"type": self.random.choice((1, 1, 1, 3)), "price": max(image.tick, price)} | given
        fields = self.fields(image, **fields)
        way = self.random.randrange(3)
        if way == 0:
            fields["quantity"] *= 3
            fields["iceberg"] = fields["quantity"] // self.random.choice((3, 6, 12)) // image.step * image.step
        elif way == 1:
            fields |= self.peg(fields["type"])
        return fields

    def limit(self) -> PlaceOrder:
        """Return a limit order that is an iceberg, pegged, or good till a time."""
        image = self.known.any_image()
        return self.make(self.account(), image, self.limit_fields(image))

    def crossing(self) -> PlaceOrder:
        """Return a plain limit order around the last price, on an instrument in auction if there is one."""
        auction = self.known.auction()
        image, depth, size = (auction, 25, 4) if auction is not None else (self.known.any_image(), 6, 1)
        price = max(image.tick, self.near(image) + image.tick * self.random.randint(-depth, depth))
        fields = {"side": self.random.choice((1, 2)), "price": price, "quantity": self.quantity(image) * size}
        if self.odds(0.15):
            fields["iceberg"] = image.step
        order = self.make(self.account(), image, {"type": OrderType.LIMIT} | fields)
        if self.odds(0.05):
            order = msgspec.structs.replace(order, time_in_force=self.random.choice((1, 2, 3)), type=self.odd_type())
        return order

    def odd_type(self) -> int:
        """Return a type that may not go with the rest."""
        return self.random.choice((1, 2, 3, 4, 7))

    def pick(self) -> tuple[int, int, int, str]:
        """Return an open order as (instrument, order, account, client id), or one that is not."""
        return self.known.pick_open() or (1, 1, self.known.accounts[0], "c1")

    def amend(self) -> AmendOrder:
        """Return an amendment of an open order: mostly by some lots, to the least, or of what cannot be."""
        instrument, order, account, client_id = self.pick()
        for key, one in self.known.orders.items():
            if one.order_list and self.random.random() < 0.1:
                instrument, order, account, client_id = *key, one.account, one.client_id
        image, known = self.known.images[instrument], self.known.orders.get((instrument, order))
        quantity, done = (0, 0) if known is None else (known.quantity, known.executed + known.prevented)
        way = self.random.randrange(20)
        new = quantity - image.step * self.random.choice((1, 1, 1, 2, 3, 6))
        if way == 0:
            new = self.random.choice((*_ODD, quantity + image.step, quantity, done - image.step))
        elif way < 4:
            new = done
        return AmendOrder(
            account=account if way != 5 else self.random.choice(self.known.accounts),
            instrument=instrument if way != 6 else self.random.randrange(5),
            order=0 if way in (7, 8, 9) else order,
            new_quantity=max(-_MOST, min(new, _MOST)),
            client_id=client_id if way in (8, 9, 10) else "other" if way == 11 else "",
            new_client_id=client_id if way > 14 else self.trading.new_client_id(),
        )

    def cancel(self) -> Command:
        """Return a cancel of an order of a list or with a trigger, if there is one."""
        found = [(key, order) for key, order in self.known.orders.items() if order.order_list or order.stop_price]
        if not found:
            return self.trading.cancel()
        key, order = self.random.choice(found)
        return CancelOrder(order.account, key[0], key[1], 0, "", self.random.choice(("", "wish")))

    def cancel_replace(self) -> CancelReplace:
        """Return a cancel-replace whose new order has extras."""
        command = self.trading.cancel_replace()
        image = self.known.images.get(command.new.instrument, self.known.any_image())
        fields = self.stop_fields(image) if self.random.choice((True, False)) else self.limit_fields(image)
        new = self.make(command.new.account, image, fields)
        return msgspec.structs.replace(command, new=new)


_EXTENDED = {"stop_price", "trailing_delta", "iceberg", "peg_type", "peg_offset", "expires_us"}
