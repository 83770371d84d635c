"""kill -9 of any role, and of everything at once, under load: what was acknowledged is there exactly once."""

import asyncio
import os
import random
import signal
import time
from decimal import Decimal
from typing import Any

import pytest

from tests.exchange import Account, Client, Exchange
from tests.system.traffic import Ledger, Trader

pytestmark = [pytest.mark.system, pytest.mark.timeout(280)]

TRADERS = 4
BTC, USDT = "2", "50000"
POSTGRES_KILLS = 4
ENDED_SECONDS_MAX = 20.0
RESTARTED_SECONDS_MAX = 60.0
ROLES = ("sequencer", "edge", "history", "valkey", "postgres")


@pytest.mark.parametrize("seed", range(1, 1 + int(os.environ.get("OPENBOURSE_KILL_SEEDS", "1"))))
def test_nothing_acknowledged_is_lost_or_doubled_when_roles_and_everything_are_killed(
    own_exchange: Exchange, seed: int
) -> None:
    accounts = [own_exchange.account(f"trader{n}@example.com", BTC=BTC, USDT=USDT) for n in range(TRADERS)]
    ledgers = asyncio.run(_trade_through_faults(own_exchange, accounts, seed))
    assert sum(len(ledger.acknowledged) for ledger in ledgers) > 100, "too little traffic to prove anything"
    fills: dict[int, list[dict[str, Any]]] = {}
    for ledger in ledgers:
        client = own_exchange.client(ledger.account)
        _check_orders(client, ledger)
        fills[ledger.account.account_id] = _all_trades(client)
        _check_balances(client, fills[ledger.account.account_id])
    _check_each_trade_has_two_sides(fills)
    done = own_exchange.verify()
    assert done.returncode == 0, done.stdout + done.stderr


async def _trade_through_faults(exchange: Exchange, accounts: list[Account], seed: int) -> list[Ledger]:
    chance = random.Random(seed)
    traders = [Trader(exchange.base_url, account, seed * 100 + n) for n, account in enumerate(accounts)]
    tasks = [asyncio.create_task(trader.run()) for trader in traders]
    for role in chance.sample(ROLES, len(ROLES)):
        await asyncio.sleep(chance.uniform(1.0, 2.0))
        assert exchange.kill(role), f"no process of {role} was found to kill"
        await asyncio.to_thread(exchange.await_ready)
    await asyncio.sleep(1.5)
    await asyncio.to_thread(exchange.kill_everything)
    await asyncio.sleep(0.5)
    await asyncio.to_thread(exchange.start)
    await asyncio.sleep(2.0)
    for trader in traders:
        trader.stop()
    await asyncio.wait_for(asyncio.gather(*tasks), 30)
    return [trader.ledger for trader in traders]


def _check_orders(client: Client, ledger: Ledger) -> None:
    for name, answer in ledger.acknowledged.items():
        seen = client.ask("/api/v3/order", symbol="BTCUSDT", origClientOrderId=name)
        assert seen.status_code == 200, f"{name} was acknowledged and is gone: {seen.text}"
        order = seen.json()
        assert order["orderId"] == answer["orderId"]
        assert Decimal(order["executedQty"]) >= Decimal(answer["executedQty"]), name
        if name in ledger.canceled:
            assert order["status"] == "CANCELED", name
    for name in ledger.in_doubt:
        # Doubt is settled by one query: it happened once, or never.
        seen = client.ask("/api/v3/order", symbol="BTCUSDT", origClientOrderId=name)
        assert seen.status_code == 200 or seen.json()["code"] == -2013, seen.text


def _all_trades(client: Client) -> list[dict[str, Any]]:
    trades: list[dict[str, Any]] = []
    while True:
        after = trades[-1]["id"] + 1 if trades else 0
        answer = client.ask("/api/v3/myTrades", symbol="BTCUSDT", fromId=after, limit=1000)
        assert answer.status_code == 200, answer.text
        if not answer.json():
            return trades
        trades.extend(answer.json())


def _check_balances(client: Client, trades: list[dict[str, Any]]) -> None:
    expected = {"BTC": Decimal(BTC), "USDT": Decimal(USDT)}
    for trade in trades:
        sign = 1 if trade["isBuyer"] else -1
        expected["BTC"] += sign * Decimal(trade["qty"])
        expected["USDT"] -= sign * Decimal(trade["quoteQty"])
        expected[trade["commissionAsset"]] -= Decimal(trade["commission"])
    held = client.balances()
    for asset, amount in expected.items():
        free, locked = held.get(asset, ("0", "0"))
        assert Decimal(free) + Decimal(locked) == amount, asset


def _check_each_trade_has_two_sides(fills: dict[int, list[dict[str, Any]]]) -> None:
    sides: dict[int, list[bool]] = {}
    for trades in fills.values():
        ids = [trade["id"] for trade in trades]
        assert sorted(ids) == ids, "trades come in order"
        for trade in trades:
            sides.setdefault(trade["id"], []).append(trade["isBuyer"])
    assert sides, "nothing traded"
    assert all(sorted(pair) == [False, True] for pair in sides.values()), "a trade was lost or doubled"


async def _trade_through_kills_of_postgres(exchange: Exchange, accounts: list[Account]) -> list[Ledger]:
    traders = [Trader(exchange.base_url, account, 500 + n) for n, account in enumerate(accounts)]
    tasks = [asyncio.create_task(trader.run()) for trader in traders]
    for _ in range(POSTGRES_KILLS):
        await asyncio.sleep(2.0)
        exchange.kill("postgres")
    await asyncio.sleep(1.0)
    await asyncio.to_thread(exchange.await_ready)
    await asyncio.sleep(2.0)
    for trader in traders:
        trader.stop()
    await asyncio.wait_for(asyncio.gather(*tasks), 30)
    return [trader.ledger for trader in traders]


def test_edges_stay_and_rows_are_whole_when_postgres_is_killed_again_and_again(own_exchange: Exchange) -> None:
    accounts = [own_exchange.account(f"trader{n}@example.com", BTC=BTC, USDT=USDT) for n in range(2)]
    before = own_exchange.pids()
    ledgers = asyncio.run(_trade_through_kills_of_postgres(own_exchange, accounts))
    after = own_exchange.pids()
    assert sum(len(ledger.acknowledged) for ledger in ledgers) > 50, "too little traffic to prove anything"
    assert (after["edge"], after["history"]) == (before["edge"], before["history"]), "both outlive their database"
    for ledger in ledgers:
        client = own_exchange.client(ledger.account)
        _check_orders(client, ledger)
        _check_balances(client, _all_trades(client))
    done = own_exchange.verify()
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_frozen_edge_is_ended_and_another_takes_its_place(own_exchange: Exchange) -> None:
    """It keeps its share of the listening socket's connections: whoever it has taken in waits, and nobody else can serve them."""
    account = own_exchange.account("trader@example.com", BTC=BTC, USDT=USDT)
    before = own_exchange.pids()["edge"]
    frozen = before[0]
    os.kill(frozen, signal.SIGSTOP)
    limit = time.monotonic() + ENDED_SECONDS_MAX
    while frozen in own_exchange.pids().get("edge", ()):
        assert time.monotonic() < limit, "the supervisor lets a frozen edge stand"
        time.sleep(0.2)
    own_exchange.await_ready()
    while len(own_exchange.pids()["edge"]) < len(before):
        assert time.monotonic() < limit + RESTARTED_SECONDS_MAX, "it is not started again"
        time.sleep(0.2)
    after = own_exchange.pids()["edge"]
    assert set(before) - set(after) == {frozen}, "the others are left alone"
    assert "has been silent for" in own_exchange.log()
    client = own_exchange.client(account)
    for number in range(20):
        placed = client.place(
            symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01", price=str(20_000 + number)
        )
        assert placed["status"] == "NEW"
