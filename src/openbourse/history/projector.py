"""Folds events into the rows of projection_history."""

from decimal import Decimal
from typing import Any, Final

from openbourse.protocol.events import (
    BalanceChanged,
    DepositCredited,
    Event,
    Execution,
    OrderFlag,
    OrderUpdated,
    WithdrawalSettled,
)
from openbourse.protocol.instruments import Side

_ORDER: Final = """
INSERT INTO projection_history."order" VALUES
($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23)
ON CONFLICT (account, instrument, order_id) DO UPDATE SET status = excluded.status, expiry = excluded.expiry,
flags = excluded.flags, executed = excluded.executed, cumulative_quote = excluded.cumulative_quote,
prevented = excluded.prevented, prevented_match = excluded.prevented_match, updated_us = excluded.updated_us
"""
_BALANCE: Final = """
INSERT INTO projection_history.balance VALUES ($1,$2,$3,$4,$5)
ON CONFLICT (account, asset) DO UPDATE SET available = excluded.available, held = excluded.held,
updated_us = excluded.updated_us
"""
_FILL: Final = (
    "INSERT INTO projection_history.fill VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12) ON CONFLICT DO NOTHING"
)
_TRANSFER: Final = "INSERT INTO projection_history.transfer VALUES ($1,$2,$3,$4,$5,$6,$7) ON CONFLICT DO NOTHING"

Row = tuple[object, ...]


class HistoryProjector:
    """Keeps the newest image of each order and balance since the last write; fills and transfers are added."""

    def __init__(self) -> None:
        self._orders: dict[tuple[int, int, int], Row] = {}
        self._balances: dict[tuple[int, int], Row] = {}
        self._fills: list[Row] = []
        self._transfers: list[Row] = []

    def take(self, event: Event, time_us: int) -> None:
        """Fold one event."""
        match event:
            case OrderUpdated():
                self._orders[event.account, event.instrument, event.order] = _order_row(event, time_us)
                if event.execution == Execution.TRADE:
                    self._fills.append(_fill_row(event, time_us))
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

    async def write(self, connection: Any) -> None:
        """Write what was gathered, and forget it."""
        for statement, rows in (
            (_ORDER, list(self._orders.values())),
            (_BALANCE, list(self._balances.values())),
            (_FILL, self._fills),
            (_TRANSFER, self._transfers),
        ):
            if rows:
                await connection.executemany(statement, rows)
        self._orders, self._balances, self._fills, self._transfers = {}, {}, [], []


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
    )
