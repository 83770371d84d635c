"""The checks that an order list adds to those of its legs. `legs` are the orders that the request asks for."""

from typing import Final

from openbourse.protocol.instruments import Feature, OrderType, Side
from openbourse.protocol.lists import ListForm
from openbourse.protocol.rejects import RejectReason
from sim.reference_state import Order, is_stop

FEATURES: Final = {
    ListForm.OCO: Feature.OCO,
    ListForm.OTO: Feature.OTO,
    ListForm.OTOCO: Feature.OTO | Feature.OCO,
    ListForm.OPO: Feature.OTO | Feature.OPO,
    ListForm.OPOCO: Feature.OTO | Feature.OPO | Feature.OCO,
}
_PAID_ON: Final = (ListForm.OPO, ListForm.OPOCO)
_LOSSES: Final = (OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT)
_GAINS: Final = (OrderType.LIMIT_MAKER, OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT)


def is_pending(form: int, place: int) -> bool:
    """Say whether the leg at a place waits for the working one."""
    return form != ListForm.OCO and place > 0


def lacks_quantity(form: int, place: int) -> bool:
    """Say whether the leg at a place will ask for what the working one buys, so that its quantity is not known yet."""
    return form in _PAID_ON and is_pending(form, place)


def pair_of(form: int, legs: list[Order]) -> list[Order]:
    """Return the two legs of which each cancels the other, above then below, if the form has them."""
    return legs[-2:] if form in (ListForm.OCO, ListForm.OTOCO, ListForm.OPOCO) else []


def is_sound_list(form: int, legs: list[Order]) -> bool:
    """Say whether the legs make a list of that form."""
    pair = pair_of(form, legs)
    if pair and not is_sound_pair(pair):
        return False
    if form == ListForm.OCO:
        return True
    working, *pending = legs
    if working.type not in (OrderType.LIMIT, OrderType.LIMIT_MAKER) or any(leg.by_quote for leg in pending):
        return False
    if form in _PAID_ON:
        return working.side == Side.BUY and all(leg.side == Side.SELL and leg.quantity == 0 for leg in pending)
    return True


def is_sound_pair(pair: list[Order]) -> bool:
    """Say whether two legs may cancel each other: one takes a gain, the other stops a loss."""
    above, below = pair
    if above.side != below.side or above.quantity != below.quantity:
        return False
    if above.side == Side.SELL:
        return above.type in _GAINS and below.type in _LOSSES
    return above.type in _LOSSES and below.type in _GAINS


def price_of_leg(order: Order) -> int:
    """Return the price by which a pair's leg is compared, 0 when it has none."""
    if is_stop(order.type):
        return order.stop_price
    return 0 if order.peg_type else order.price


def check_prices(pair: list[Order], last: int) -> RejectReason | None:
    """Ask whether a pair's prices lie on both sides of the last one (0: none); whoever is no pair passes."""
    if len(pair) < 2:
        return None
    above, below = map(price_of_leg, pair)
    for high, low in ((above, below), (above, last), (last, below)):
        if high and low and high <= low:
            return RejectReason.BAD_PRICES
    return None
