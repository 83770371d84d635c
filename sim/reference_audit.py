"""The invariants that every state keeps between commands."""

from openbourse.protocol.instruments import InstrumentStatus, OrderType, Side, TimeInForce
from sim.reference_auction import is_crossed
from sim.reference_life import need
from sim.reference_list_checks import is_sound_pair
from sim.reference_state import Instrument, Order, OrderList, Place, State, is_market, is_stop
from sim.reference_turns import fires, has_trailed


def audit(state: State) -> None:
    """Raise AssertionError when an invariant is broken: O(state)."""
    held: dict[tuple[int, int], int] = {}
    for instrument in state.instruments.values():
        _audit_book(instrument)
        _audit_lists(instrument)
        for order in instrument.orders():
            assert order.account in state.accounts, "an order's account exists"
            _audit_order(instrument, order)
            asset = instrument.image.quote if order.side == Side.BUY else instrument.image.base
            held[order.account, asset] = held.get((order.account, asset), 0) + order.held
    for number, asset, amount in state.withdrawals.values():
        held[number, asset] = held.get((number, asset), 0) + amount
    total = dict.fromkeys(state.assets, 0)
    for number, account in state.accounts.items():
        assert account.tier == 0 or account.tier in state.tiers, "an account's tier exists"
        for asset, balance in account.balances.items():
            assert balance[0] >= 0, "no available balance is negative"
            assert balance[1] >= 0, "no held balance is negative"
            assert balance[1] == held.pop((number, asset), 0), "held is what orders and withdrawals hold"
            total[asset] += balance[0] + balance[1]
    assert not any(held.values()), "who holds has a balance"
    assert total == state.supply, "balances sum to the supply"


def _audit_book(instrument: Instrument) -> None:
    status = instrument.image.status
    assert status != InstrumentStatus.TRADING or not is_crossed(instrument), "the book is not crossed"
    assert (instrument.indicated is not None) == (status == InstrumentStatus.AUCTION), "an auction is indicated"
    for side in (Side.BUY, Side.SELL):
        for price, level in instrument.levels[side].items():
            assert level, "no level is empty"
            # What came to the book later than it was placed, or again, stands behind orders with greater ids.
            ids = [one.order for one in level if not (one.iceberg or one.list_id or is_stop(one.type))]
            assert ids == sorted(set(ids)), "a level is in order of arrival"
            for order in level:
                assert (order.side, order.price) == (side, price), "an order rests in its level"
                assert order.place == Place.ON_BOOK, "an order on the book says so"
    orders = instrument.orders()
    resting = [*instrument.resting(Side.BUY), *instrument.resting(Side.SELL)]
    assert len(orders) == len(instrument.clients), "client ids of open orders differ"
    assert len(resting) == sum(order.place == Place.ON_BOOK for order in orders), "one index"
    assert all(instrument.is_open(order) for order in resting), "an order on the book is open"


def _audit_order(instrument: Instrument, order: Order) -> None:
    assert order.place != Place.IN_TURN, "every turn ends with its command"
    if order.place == Place.ON_BOOK:
        assert not is_market(order.type), "a resting order has a limit"
        assert order.time_in_force == TimeInForce.GTC, "a resting order is good till canceled"
        assert 0 < order.shown <= order.remaining, "a resting order has something to show"
    else:
        assert order.executed == 0, "what does not work has not traded"
        assert order.prevented == 0, "what does not work has not met its own"
    order_list = instrument.lists.get(order.list_id)
    if order.place == Place.PENDING:
        assert order_list is not None, "a pending order is of a list"
        assert order_list.working in instrument.open[order.account], "a pending order waits for an open one"
        if order.held > 0:
            assert order_list.is_paid_on, "a pending order holds only what was bought for it"
            assert order.order == order_list.orders[1], "the first pending order holds for both"
            working = instrument.open[order.account][order_list.working]
            assert order.held <= working.executed, "no more is kept than was bought"
    elif order_list is None or len(_open_pair(instrument, order_list)) < 2 or order.order not in order_list.pair:
        assert order.held == need(order), "an order holds what it can still spend"
    if order.place == Place.WAITING:
        assert is_stop(order.type), "only a stop order waits"
        _audit_trigger(instrument, order)


def _audit_trigger(instrument: Instrument, order: Order) -> None:
    last = instrument.last_price
    if order.trailing_us < 0:
        assert order.stop_price > 0, "an order that does not trail yet has a stop price"
        assert last == 0 or not fires(order, last), "no waiting order's condition holds"
    else:
        assert order.trailing_delta > 0, "only a trailing order trails"
        is_contained = order.extreme >= last if order.side == Side.SELL else order.extreme <= last
        assert is_contained, "the extreme contains the last price"
        assert not has_trailed(order, last), "no waiting order's condition holds"


def _open_pair(instrument: Instrument, order_list: OrderList) -> list[Order]:
    return [leg for leg in instrument.legs(order_list) if leg.order in order_list.pair]


def _audit_lists(instrument: Instrument) -> None:
    names = [(one.account, one.list_client_id) for one in instrument.lists.values()]
    assert len(set(names)) == len(names), "client ids of open lists differ"
    for order_list in instrument.lists.values():
        legs = instrument.legs(order_list)
        assert legs, "a list without open orders is closed"
        for leg in legs:
            assert leg.list_id == order_list.list_id, "a list's order names it"
            assert order_list.client_ids[order_list.orders.index(leg.order)] == leg.client_id, "a list knows its orders"
        pair = _open_pair(instrument, order_list)
        if len(pair) == 2:
            assert is_sound_pair(pair), "a pair belongs together"
            assert (pair[0].place == Place.PENDING) == (pair[1].place == Place.PENDING), "a pair begins together"
        if len(pair) == 2 and pair[0].place != Place.PENDING:
            greater = max(need(pair[0]), need(pair[1]))
            assert (pair[0].held, pair[1].held) == (greater, 0), "the first of a pair holds for both"
            assert pair[0].executed == pair[1].executed == 0, "neither of a pair has started"
    for order in instrument.orders():
        if order.list_id:
            assert order.list_id in instrument.lists, "an open order's list is open"
            assert order.order in instrument.lists[order.list_id].orders, "an order's list has it"
        assert order.type != OrderType.MARKET or order.place == Place.PENDING, "a market order waits only in a list"
