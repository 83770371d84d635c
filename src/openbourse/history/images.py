"""Rows of projection_history as the events whose newest state they hold."""

from typing import Any

from openbourse.protocol.events import Execution, Leg, ListUpdated, OrderUpdated


def image_of(row: Any) -> OrderUpdated:
    """Return an order's image; what belongs to one execution alone is empty."""
    return OrderUpdated(
        sequence=0,
        index=0,
        account=row["account"],
        instrument=row["instrument"],
        order=row["order_id"],
        side=row["side"],
        type=row["type"],
        time_in_force=row["time_in_force"],
        stp=row["stp"],
        status=row["status"],
        execution=Execution.NEW,
        expiry=row["expiry"],
        flags=row["flags"],
        price=row["price"],
        quantity=row["quantity"],
        executed=row["executed"],
        cumulative_quote=int(row["cumulative_quote"]),
        quote_quantity=int(row["quote_quantity"]),
        prevented=row["prevented"],
        last_price=0,
        last_quantity=0,
        last_quote=0,
        commission=0,
        commission_asset=0,
        trade=0,
        prevented_match=row["prevented_match"],
        last_prevented=0,
        counter_order=0,
        execution_id=0,
        created_us=row["created_us"],
        working_us=row["working_us"],
        strategy_id=row["strategy_id"],
        strategy_type=row["strategy_type"],
        held=0,
        client_id=row["client_id"],
        request_id="",
        stop_price=row["stop_price"],
        trailing_delta=row["trailing_delta"],
        trailing_us=row["trailing_us"],
        iceberg=row["iceberg"],
        peg_type=row["peg_type"],
        peg_offset=row["peg_offset"],
        sent_price=row["sent_price"],
        order_list=row["list_id"],
        expires_us=row["expires_us"],
        amends=row["amends"],
    )


def list_of(row: Any) -> ListUpdated:
    """Return a list's newest state."""
    return ListUpdated(
        sequence=0,
        index=0,
        account=row["account"],
        instrument=row["instrument"],
        order_list=row["list_id"],
        form=row["form"],
        status=row["status"],
        list_client_id=row["client_id"],
        request_id="",
        legs=tuple(Leg(order, name) for order, name in zip(row["orders"], row["client_ids"], strict=True)),
    )
