"""Snapshots of the whole state: their layouts, and how they are written. Rules 1 write version 1, rules 2 version 2."""

from typing import Final

from openbourse.protocol.events import OrderFlag
from openbourse.protocol.instruments import Side
from sim.reference_fields import Layout
from sim.reference_layouts import INSTRUMENT_IMAGE, RULES_IMAGE, VENUE_RULES
from sim.reference_record import Record
from sim.reference_state import Account, Instrument, Order, OrderList, Place, State

MAGIC: Final = b"OBSN"
HEAD: Final = Layout("u16 version 1-2, u32 rules 1-2, u64 sequence, i64 time_us")
COUNT: Final = Layout("u32 count")
DISCOUNT: Final = Layout("u32 asset, i64 rate")
DISCOUNT_PRICE: Final = Layout("u32 asset, i64 price")
TIER: Final = Layout("u32 tier, i64 maker, i64 taker")
ASSETS: Final = {
    1: Layout("u32 asset, str code 1-16, i128 supply"),
    2: Layout("u32 asset, str code 1-16, i128 supply, i128 limit"),
}
_COUNTERS: Final = """
u64 last_order, u64 last_trade, u64 last_aggregate, u64 last_update, u64 last_execution, u64 last_prevented_match,"""
COUNTERS: Final = {
    1: Layout(_COUNTERS + "i64 last_price"),
    2: Layout(_COUNTERS + "u64 last_list, i64 last_price"),
}
BUCKET: Final = Layout("i64 minute, i128 quote, i128 quantity")
IS_INDICATED: Final = Layout("u8 is_indicated 0-1")
INDICATION: Final = Layout("i64 price, i128 quantity, i128 imbalance")
ORDERS: Final = {
    1: Layout(
        """u64 order, u64 account, u8 type 1|3, u8 time_in_force 1, u8 stp 0-4, u8 flags 0|4, i64 price, i64 quantity,
        i64 executed, i128 cumulative_quote, i64 prevented, i64 created_us, i64 working_us, i64 strategy_id,
        i32 strategy_type, str client_id 1-36"""
    ),
    2: Layout(
        """u64 order, u64 account, u8 place 0-2, u8 side 1-2, u8 type 1-7, u8 time_in_force 1-3, u8 stp 0-5,
        u8 flags 0|4, i64 price, i64 quantity, i64 executed, i128 cumulative_quote, i64 prevented, i64 created_us,
        i64 working_us, i64 strategy_id, i32 strategy_type, str client_id 1-36, i128 held, i64 visible, i64 stop_price,
        u32 trailing_delta, i64 trailing_us, i64 extreme, i64 iceberg, u8 peg_type 0-2, u8 peg_offset, i64 sent_price,
        u64 list_id, i64 expires_us, u32 amends, i64 basis"""
    ),
}
LIST_HEAD: Final = Layout("u64 list_id, u64 account, u8 form 1-5, u8 count 2-3")
LIST_ORDER: Final = Layout("u64 order")
LIST_CLIENT_ID: Final = Layout("str client_id 1-36")
ACCOUNTS: Final = {
    1: Layout("u64 account, i64 trade_group, u8 permissions 0-7"),
    2: Layout("u64 account, i64 trade_group, u8 permissions 0-7, u8 is_killed 0-1, u8 uses_discount 0-1, u32 tier"),
}
FEE: Final = Layout("u32 instrument, i64 maker, i64 taker")
BALANCE: Final = Layout("u32 asset, i128 available, i128 held")
DEPOSIT: Final = Layout("bytes32 identity")
WITHDRAWAL: Final = Layout("u64 withdrawal, u64 account, u32 asset, i128 amount")
HEARTBEAT: Final = Layout("u64 account, u32 instrument, i64 deadline")
SESSION: Final = Layout("u64 session, u64 low_water, i64 last_time")
RECORDED: Final = Layout("u64 counter, u64 sequence")


def _rows(layout: Layout, rows: list[dict[str, int]]) -> list[bytes]:
    """Return a count and that many rows."""
    return [COUNT.write({"count": len(rows)}), *(layout.write(row) for row in rows)]


def snapshot(state: State) -> bytes:
    """Return the state's bytes; equal states give equal bytes."""
    version = state.rules
    head = {"version": version, "rules": state.rules, "sequence": state.sequence, "time_us": state.time_us}
    out = [MAGIC, HEAD.write(head)]
    if version > 1:
        out += [VENUE_RULES.write(vars(state.venue)), DISCOUNT.write(vars(state.discount))]
        prices = sorted(state.discount_prices.items())
        out += _rows(DISCOUNT_PRICE, [{"asset": asset, "price": price} for asset, price in prices])
        tiers = sorted(state.tiers.items())
        out += _rows(TIER, [{"tier": tier, "maker": rates[0], "taker": rates[1]} for tier, rates in tiers])
    out.append(COUNT.write({"count": len(state.assets)}))
    for asset, code in sorted(state.assets.items()):
        row = {"asset": asset, "code": code, "supply": state.supply[asset], "limit": state.limits.get(asset, 0)}
        out.append(ASSETS[version].write(row))
    out.append(COUNT.write({"count": len(state.instruments)}))
    for _, instrument in sorted(state.instruments.items()):
        out += _instrument_parts(instrument, version)
    out.append(COUNT.write({"count": len(state.accounts)}))
    for number, account in sorted(state.accounts.items()):
        out += _account_parts(number, account, version)
    out.append(COUNT.write({"count": len(state.deposits)}))
    out += sorted(state.deposits)
    out += _rows(
        WITHDRAWAL,
        [
            {"withdrawal": withdrawal, "account": number, "asset": asset, "amount": amount}
            for withdrawal, (number, asset, amount) in sorted(state.withdrawals.items())
        ],
    )
    if version > 1:
        beats = sorted(state.heartbeats.items())
        out += _rows(HEARTBEAT, [{"account": key[0], "instrument": key[1], "deadline": at} for key, at in beats])
    out.append(COUNT.write({"count": len(state.sessions)}))
    for number, session in sorted(state.sessions.items()):
        out.append(SESSION.write({"session": number, "low_water": session.low_water, "last_time": session.last_time}))
        recorded = sorted(session.recorded.items())
        out += _rows(RECORDED, [{"counter": counter, "sequence": sequence} for counter, sequence in recorded])
    return b"".join(out)


def _instrument_parts(instrument: Instrument, version: int) -> list[bytes]:
    out = [INSTRUMENT_IMAGE.write(vars(instrument.image))]
    if version > 1:
        out.append(RULES_IMAGE.write(vars(instrument.rules)))
    out.append(COUNTERS[version].write({name: getattr(instrument, name) for name in COUNTERS[version].names}))
    window = [{"minute": minute, "quote": quote, "quantity": quantity} for minute, quote, quantity in instrument.window]
    out += _rows(BUCKET, window)
    if version > 1:
        out.append(IS_INDICATED.write({"is_indicated": instrument.indicated is not None}))
    if instrument.indicated is not None:
        out.append(INDICATION.write(dict(zip(INDICATION.names, instrument.indicated, strict=True))))
    for side in (Side.BUY, Side.SELL):
        out += _order_parts(list(instrument.resting(side)), version)
    if version > 1:
        out += _order_parts([order for order in instrument.orders() if order.place != Place.ON_BOOK], version)
        out.append(COUNT.write({"count": len(instrument.lists)}))
        for _, order_list in sorted(instrument.lists.items()):
            out += _list_parts(order_list)
    return out


def _order_parts(orders: list[Order], version: int) -> list[bytes]:
    out = [COUNT.write({"count": len(orders)})]
    for order in orders:
        row = {name: getattr(order, name) for name in ORDERS[version].names if name != "flags"}
        row["flags"] = OrderFlag.HAS_STRATEGY if order.has_strategy else 0
        row["visible"] = order.shown if order.place == Place.ON_BOOK else 0
        out.append(ORDERS[version].write(row))
    return out


def _list_parts(order_list: OrderList) -> list[bytes]:
    head = {"account": order_list.account, "form": order_list.form, "count": len(order_list.orders)}
    return [
        LIST_HEAD.write({"list_id": order_list.list_id, **head}),
        *(LIST_ORDER.write({"order": order}) for order in order_list.orders),
        *(LIST_CLIENT_ID.write({"client_id": client_id}) for client_id in order_list.client_ids),
        LIST_CLIENT_ID.write({"client_id": order_list.list_client_id}),
    ]


def _account_parts(number: int, account: Account, version: int) -> list[bytes]:
    row = Record(
        account=number,
        trade_group=account.trade_group,
        permissions=account.permissions,
        is_killed=account.is_killed,
        uses_discount=account.uses_discount,
        tier=account.tier,
    )
    out = [ACCOUNTS[version].write(vars(row))]
    fees = sorted(account.fees.items())
    out += _rows(FEE, [{"instrument": number, "maker": rates[0], "taker": rates[1]} for number, rates in fees])
    balances = [(asset, *balance) for asset, balance in sorted(account.balances.items()) if balance != [0, 0]]
    out += _rows(BALANCE, [{"asset": asset, "available": free, "held": held} for asset, free, held in balances])
    return out
