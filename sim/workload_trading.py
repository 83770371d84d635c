"""The orders and cancels of a workload: a narrow range of prices, so that they meet often."""

from typing import Final

import msgspec

from openbourse.protocol.amounts import UNIT
from openbourse.protocol.commands import CancelAll, CancelOrder, CancelReplace, PlaceOrder, RequestFlag
from openbourse.protocol.instruments import Instrument, OrderType, Side, TimeInForce
from sim.workload_known import MIDDLES, Known

_EXTREMES: Final = (-(2**63), -1, 0, 1, 2**31, 2**62, 2**63 - 1)
EXTREME_AMOUNTS: Final = (-(2**127), -1, 0, 1, 2**64, 2**95, 2**96 - 1, 2**96, 2**127 - 1)


class Trading:
    """Makes order commands from what is known."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self.random = known.random
        self.serial = 0

    def new_client_id(self) -> str:
        """Return an id of its own, sometimes one that an open order has."""
        if self.random.random() < 0.02:
            found = self.known.pick_open()
            if found is not None:
                return found[3]
        self.serial += 1
        return f"c{self.serial}"

    def middle(self, image: Instrument) -> int:
        """Return the price around which an instrument trades."""
        return MIDDLES.get((image.tick, image.step), image.tick * 100)

    def price(self, image: Instrument) -> int:
        """Return a price near the instrument's middle, rarely off its tick."""
        price = self.middle(image) + image.tick * self.random.randint(-self.known.depth, self.known.depth)
        return price + 1 if self.random.random() < 0.005 else price

    def order(self, account: int, image: Instrument, **changes: int) -> PlaceOrder:
        """Return an order request; what is not given is a limit order's."""
        if self.random.random() < 0.05:
            changes["flags"] = changes.get("flags", 0) | RequestFlag.HAS_STRATEGY
            changes |= {"strategy_id": self.random.randrange(-5, 5), "strategy_type": self.random.randrange(2**31)}
        fields = {
            "side": self.random.choice((1, 2)),
            "type": OrderType.LIMIT,
            "time_in_force": TimeInForce.GTC,
            "stp": self.random.choice((255, 0, 1, 2, 3, 4) if self.known.rules == 1 else (255, 0, 0, 1, 2, 3, 4, 5)),
        } | changes
        # A changed instrument may have a tick or a step so large that multiples of it do not fit.
        for name, most in (("price", 2**63 - 1), ("quantity", 2**63 - 1), ("quote_quantity", 2**127 - 1)):
            fields[name] = min(fields.get(name, 0), most)
        return PlaceOrder(account=account, instrument=image.instrument, client_id=self.new_client_id(), **fields)

    def limit(self) -> PlaceOrder:
        """Return a limit order: mostly good till canceled."""
        image = self.known.any_image()
        side, price = self.random.choice((1, 2)), self.price(image)
        if self.random.random() < 0.6:
            # Most orders come to rest, so that books grow deep before something sweeps them.
            distance = image.tick * self.random.randrange(1, 40)
            price = self.middle(image) + (distance if side == Side.SELL else -distance)
        return self.order(
            self.random.choice(self.known.accounts),
            image,
            side=side,
            type=self.random.choice((1, 1, 1, 1, 1, 1, 1, 3, 3, 4 if self.random.random() < 0.02 else 1)),
            time_in_force=self.random.choice((1, 1, 1, 1, 1, 1, 1, 1, 2, 3)),
            price=price,
            quantity=image.step * self.random.choice((1, 2, 3, 5, 8, 13, 40, 80)),
            flags=RequestFlag.TEST if self.random.random() < 0.01 else 0,
        )

    def market(self) -> PlaceOrder:
        """Return a market order by quantity."""
        image = self.known.any_image()
        quantity = (image.market_step or image.step) * self.random.choice((1, 2, 5, 20, 60))
        return self.order(self.random.choice(self.known.accounts), image, type=OrderType.MARKET, quantity=quantity)

    def by_quote(self) -> PlaceOrder:
        """Return a market order by quote quantity."""
        image = self.known.any_image()
        worth = self.price(image) * image.step // UNIT
        return self.order(
            self.random.choice(self.known.accounts),
            image,
            type=OrderType.MARKET,
            flags=RequestFlag.BY_QUOTE,
            quote_quantity=max(1, worth * self.random.choice((1, 3, 10, 40, 300)) + self.random.choice((0, 0, 1, -1))),
        )

    def extreme(self) -> PlaceOrder:
        """Return an order with one or more fields at the edge of what they can hold."""
        image = self.known.any_image()
        pick = self.random.choice
        order = self.order(
            pick((*self.known.accounts, 0, 1, 2**64 - 1)),
            image,
            type=pick((1, 1, 2, 3)),
            price=pick((*_EXTREMES, self.price(image), image.tick * 2**30)),
            quantity=pick((*_EXTREMES, image.step, min(image.step * 2**20, 2**63 - 1))),
            quote_quantity=pick((0, 0, *EXTREME_AMOUNTS)),
            flags=pick((0, 0, RequestFlag.BY_QUOTE)),
        )
        return order if pick((True, False)) else msgspec.structs.replace(order, instrument=pick((0, 9, 2**32 - 1)))

    def cancel(self) -> CancelOrder:
        """Return a cancel by order id, by client id, by both, or of nothing there is."""
        found = self.known.pick_open() or (1, 1, self.known.accounts[0], "c1")
        instrument, order, account, client_id = found
        way = self.random.randrange(10)
        if way == 0:
            account = self.random.choice(self.known.accounts)
        return CancelOrder(
            account,
            instrument if way != 1 else self.random.randrange(5),
            0 if way in (2, 3, 4) else order,
            self.random.choice((0, 0, 0, 1, 2)),
            client_id if way in (3, 4, 5) else "other" if way == 6 else "",
            self.random.choice(("", "request")),
        )

    def cancel_all(self) -> CancelAll:
        """Return a cancel of everything of an account."""
        return CancelAll(self.random.choice((*self.known.accounts, 77)), self.random.choice((0, 1, 2, 3, 9)), "all")

    def cancel_replace(self) -> CancelReplace:
        """Return a cancel-replace, mostly by the owner of the order it means."""
        found = self.known.pick_open() or (1, 1, self.known.accounts[0], "c1")
        instrument, order, account, client_id = found
        by_client = self.random.random() < 0.4
        make = self.random.choice((self.limit, self.limit, self.limit, self.market, self.by_quote))
        new = make()
        if new.instrument != instrument or self.random.random() < 0.95:
            image = self.known.images[instrument]
            new = self.order(
                account, image, price=self.price(image), quantity=image.step * self.random.choice((1, 4, 9, 30))
            )
        if self.random.random() < 0.15:
            new = msgspec.structs.replace(new, client_id=client_id)
        return CancelReplace(
            mode=self.random.choice((1, 2)),
            cancel_order=0 if by_client else order + (1 if self.random.random() < 0.05 else 0),
            restriction=self.random.choice((0, 0, 0, 1, 2)),
            cancel_client_id=client_id if by_client or self.random.random() < 0.1 else "",
            cancel_request_id=self.random.choice(("", "r")),
            new=new,
        )
