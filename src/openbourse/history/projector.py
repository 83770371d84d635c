"""Folds events into the rows of projection_history."""

from decimal import Decimal
from typing import Any, Final

from openbourse.edge.order_lists import public_id
from openbourse.protocol.events import (
    BalanceChanged,
    DepositCredited,
    Event,
    Execution,
    ListUpdated,
    OrderFlag,
    OrderUpdated,
    WithdrawalSettled,
)
from openbourse.protocol.instruments import SelfTradePrevention, Side

_ORDER: Final = """
INSERT INTO projection_history."order" VALUES
($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,$26,$27,$28,$29,$30,$31,$32,
$33)
ON CONFLICT (account, instrument, order_id) DO UPDATE SET client_id = excluded.client_id, status = excluded.status,
expiry = excluded.expiry, flags = excluded.flags, price = excluded.price, quantity = excluded.quantity,
executed = excluded.executed, cumulative_quote = excluded.cumulative_quote, prevented = excluded.prevented,
prevented_match = excluded.prevented_match, updated_us = excluded.updated_us, working_us = excluded.working_us,
trailing_us = excluded.trailing_us, amends = excluded.amends
"""
_LIST: Final = """
INSERT INTO projection_history.order_list VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)
ON CONFLICT (account, public_id) DO UPDATE SET status = excluded.status, client_ids = excluded.client_ids
"""
# An event does not say what the quantity was before: what this run has seen of the order says it, or else its row.
_AMENDMENT: Final = """
INSERT INTO projection_history.amendment SELECT $1::bigint, $2::int, $3::bigint, $4::bigint, $5::text, $6::text,
coalesce($7::bigint, (SELECT quantity FROM projection_history."order" WHERE account = $1 AND instrument = $2
AND order_id = $3), 0), $8::bigint, $9::bigint ON CONFLICT DO NOTHING
"""
_BALANCE: Final = """
INSERT INTO projection_history.balance VALUES ($1,$2,$3,$4,$5)
ON CONFLICT (account, asset) DO UPDATE SET available = excluded.available, held = excluded.held,
updated_us = excluded.updated_us
"""
_FILL: Final = (
    "INSERT INTO projection_history.fill VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13) ON CONFLICT DO NOTHING"
)
# Both orders of a match tell of it, the maker first; each knows only its own quantity.
_PREVENTED: Final = """
INSERT INTO projection_history.prevented_match VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)
ON CONFLICT (account, instrument, match) DO UPDATE SET stp = excluded.stp,
taker_quantity = coalesce(excluded.taker_quantity, prevented_match.taker_quantity),
maker_quantity = coalesce(excluded.maker_quantity, prevented_match.maker_quantity)
"""
_TRANSFER: Final = "INSERT INTO projection_history.transfer VALUES ($1,$2,$3,$4,$5,$6,$7) ON CONFLICT DO NOTHING"

Row = tuple[object, ...]
_QUANTITY: Final = 12
"""Where a row of orders holds the quantity."""
_CREATED: Final = 9
"""From where on a row of lists holds its first time and sequence."""


class HistoryProjector:
    """Keeps the newest image of each order, list and balance since the last write; the rest is added to."""

    def __init__(self) -> None:
        self._orders: dict[tuple[int, int, int], Row] = {}
        self._lists: dict[tuple[int, int], Row] = {}
        self._amendments: list[Row] = []
        self._balances: dict[tuple[int, int], Row] = {}
        self._fills: list[Row] = []
        self._prevented: list[Row] = []
        self._sequence, self._owners = 0, dict[tuple[int, int], int]()
        self._transfers: list[Row] = []

    def take(self, event: Event, time_us: int) -> None:
        """Fold one event."""
        match event:
            case OrderUpdated():
                self._take_order(event, time_us)
            case ListUpdated():
                self._take_list(event, time_us)
            case BalanceChanged():
                row = (event.account, event.asset, Decimal(event.available), Decimal(event.held), time_us)
                self._balances[event.account, event.asset] = row
            case DepositCredited():
                amount = Decimal(event.amount)
                self._transfers.append(
                    (event.sequence, event.account, event.asset, amount, True, event.identity, time_us)
                )
            case WithdrawalSettled():
                identity = event.withdrawal.to_bytes(8, "little")
                amount = Decimal(event.amount)
                self._transfers.append((event.sequence, event.account, event.asset, amount, False, identity, time_us))

    def _take_order(self, event: OrderUpdated, time_us: int) -> None:
        key = (event.account, event.instrument, event.order)
        if event.sequence != self._sequence:
            # Of one command only: what is known must not hang on where batches end, or a rebuild would differ.
            self._sequence, self._owners = event.sequence, {}
        if event.execution == Execution.TRADE:
            self._fills.append(_fill_row(event, time_us))
        elif event.execution == Execution.TRADE_PREVENTION:
            other = self._owners.get((event.instrument, event.counter_order), event.account)
            # Of one trade group they may be two accounts, and an order that loses nothing by a match is silent.
            self._prevented += (_prevented_row(event, account, time_us) for account in {event.account, other})
        elif event.execution == Execution.REPLACED:
            before = self._orders.get(key)
            self._amendments.append(_amendment_row(event, None if before is None else before[_QUANTITY], time_us))
        self._orders[key] = _order_row(event, time_us)
        self._owners[event.instrument, event.order] = event.account

    def _take_list(self, event: ListUpdated, time_us: int) -> None:
        key = (event.account, public_id(event.order_list, event.instrument))
        before = self._lists.get(key)
        self._lists[key] = _list_row(event, *((time_us, event.sequence) if before is None else before[_CREATED:]))

    async def write(self, connection: Any) -> None:
        """Write what was gathered, and forget it."""
        for statement, rows in (
            (_AMENDMENT, self._amendments),
            (_ORDER, list(self._orders.values())),
            (_LIST, list(self._lists.values())),
            (_BALANCE, list(self._balances.values())),
            (_FILL, self._fills),
            (_PREVENTED, self._prevented),
            (_TRANSFER, self._transfers),
        ):
            if rows:
                await connection.executemany(statement, rows)
        self._orders, self._lists, self._balances = {}, {}, {}
        self._amendments, self._fills, self._prevented, self._transfers = [], [], [], []


def _order_row(event: OrderUpdated, time_us: int) -> Row:
    return (
        event.account,
        event.instrument,
        event.order,
        event.client_id,
        event.side,
        event.type,
        event.time_in_force,
        event.stp,
        event.status,
        event.expiry,
        event.flags,
        event.price,
        event.quantity,
        event.executed,
        Decimal(event.cumulative_quote),
        Decimal(event.quote_quantity),
        event.prevented,
        event.prevented_match,
        event.created_us,
        time_us,
        event.working_us,
        event.strategy_id,
        event.strategy_type,
        event.stop_price,
        event.trailing_delta,
        event.trailing_us,
        event.iceberg,
        event.peg_type,
        event.peg_offset,
        event.sent_price,
        event.order_list,
        event.expires_us,
        event.amends,
    )


def _list_row(event: ListUpdated, created_us: object, created_sequence: object) -> Row:
    return (
        event.account,
        public_id(event.order_list, event.instrument),
        event.instrument,
        event.order_list,
        event.form,
        event.status,
        event.list_client_id,
        [leg.order for leg in event.legs],
        [leg.client_id for leg in event.legs],
        created_us,
        created_sequence,
    )


def _amendment_row(event: OrderUpdated, original_quantity: object, time_us: int) -> Row:
    return (
        event.account,
        event.instrument,
        event.order,
        event.execution_id,
        event.original_client_id,
        event.client_id,
        original_quantity,
        event.quantity,
        time_us,
    )


def _prevented_row(event: OrderUpdated, account: int, time_us: int) -> Row:
    is_maker = bool(event.flags & OrderFlag.IS_MAKER)
    return (
        account,
        event.instrument,
        event.prevented_match,
        event.counter_order if is_maker else event.order,
        event.order if is_maker else event.counter_order,
        # The taker's mode decides. A maker that is told of alone met EXPIRE_MAKER; of two, the taker speaks last.
        SelfTradePrevention.EXPIRE_MAKER if is_maker else event.stp,
        # Rules 1 leave last_price empty; there a maker's own price says it.
        event.last_price or (event.price if is_maker else 0),
        None if is_maker else event.last_prevented,
        event.last_prevented if is_maker else None,
        time_us,
    )


def _fill_row(event: OrderUpdated, time_us: int) -> Row:
    return (
        event.account,
        event.instrument,
        event.trade,
        event.order,
        event.last_price,
        event.last_quantity,
        Decimal(event.last_quote),
        Decimal(event.commission),
        event.commission_asset,
        time_us,
        event.side == Side.BUY,
        bool(event.flags & OrderFlag.IS_MAKER),
        event.order_list,
    )
