"""Auctions: the price at which most would trade, its announcement, and the uncrossing of a book that is crossed."""

from openbourse.protocol.events import EventKind
from openbourse.protocol.instruments import InstrumentStatus, Side
from sim.reference_effects import Effects
from sim.reference_state import Instrument, Order, State
from sim.reference_turns import Execute


def is_crossed(instrument: Instrument) -> bool:
    """Say whether the best bid meets the best ask."""
    bid, ask = instrument.best(Side.BUY), instrument.best(Side.SELL)
    return bid is not None and ask is not None and bid >= ask


def indication(instrument: Instrument, time_us: int) -> tuple[int, int, int]:
    """Return the price at which the book would uncross, the quantity, and how much more is asked for than offered."""
    bid, ask = instrument.best(Side.BUY), instrument.best(Side.SELL)
    if bid is None or ask is None or bid < ask:
        return 0, 0, 0
    reference = instrument.reference_price(time_us)
    bids, asks = list(instrument.resting(Side.BUY)), list(instrument.resting(Side.SELL))
    found = []
    for price in {*instrument.levels[Side.BUY], *instrument.levels[Side.SELL]}:
        if ask <= price <= bid:
            demand = sum([order.remaining for order in bids if order.price >= price])
            supply = sum([order.remaining for order in asks if order.price <= price])
            distance = 0 if reference is None else abs(price - reference)
            found.append((-min(demand, supply), abs(demand - supply), distance, price, demand - supply))
    volume, _, _, price, imbalance = min(found)
    return price, -volume, imbalance


def announce(state: State, effects: Effects) -> None:
    """Tell the indication of each auction where this command put the instrument there or changed what is on the book."""
    for number, instrument in sorted(state.instruments.items()):
        if instrument.image.status != InstrumentStatus.AUCTION:
            continue
        if instrument.indicated is not None and not effects.is_total_changed(instrument):
            continue
        now = indication(instrument, state.time_us)
        if now != instrument.indicated:
            instrument.indicated = now
            price, quantity, imbalance = now
            effects.emit(
                EventKind.AUCTION_INDICATED, instrument=number, price=price, quantity=quantity, imbalance=imbalance
            )


def uncross(execute: Execute) -> None:
    """Let a crossed book trade at one price, the older order of each two being the maker; then what that fires begins."""
    instrument = execute.instrument
    price, left, _ = indication(instrument, execute.state.time_us)
    previous_taker: Order | None = None
    while left > 0:
        bid, ask = next(instrument.resting(Side.BUY)), next(instrument.resting(Side.SELL))
        maker, taker = sorted((bid, ask), key=lambda order: order.order)
        execute.start(maker)
        execute.start(taker)
        quantity = min(left, bid.remaining, ask.remaining)
        execute.trade(maker, taker, price, quantity, is_new_aggregate=taker is not previous_taker)
        previous_taker = taker
        left -= quantity
    execute.evaluate(price)
    execute.work_off()
