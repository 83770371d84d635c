"""The core alone: commands a second through the Python boundary, balances, holds, fees and event encoding on."""

import random
import time
from dataclasses import dataclass

from openbourse.engine import Engine
from openbourse.protocol import commands
from openbourse.protocol.amounts import UNIT
from openbourse.protocol.instruments import Instrument

INSTRUMENTS = 100
ACCOUNTS = 10_000
BATCH = 1_024
FUND = 10**9 * UNIT


@dataclass(frozen=True)
class EngineFigure:
    """Commands a second in batches of BATCH, and the events they caused."""

    commands: int
    seconds: float
    events_bytes: int
    open_orders: int

    @property
    def per_second(self) -> float:
        return self.commands / self.seconds


def prepare() -> Engine:
    """Return an engine with instruments and funded accounts."""
    engine = Engine()
    frames = [commands.CreateAsset(1, "USDT").encode()]
    for number in range(1, INSTRUMENTS + 1):
        frames.append(commands.CreateAsset(number + 1, f"A{number}").encode())
        frames.append(
            commands.ListInstrument(
                Instrument(
                    instrument=number,
                    symbol=f"A{number}USDT",
                    base=number + 1,
                    quote=1,
                    price_min=0,
                    price_max=0,
                    tick=UNIT // 100,
                    quantity_min=1_000,
                    quantity_max=10**6 * UNIT,
                    step=1_000,
                    notional_min=0,
                    orders_max=10_000,
                )
            ).encode()
        )
    for account in range(1_000, 1_000 + ACCOUNTS):
        frames.append(commands.OpenAccount(account).encode())
        frames.append(commands.CreditDeposit(account, 1, FUND, account.to_bytes(32, "little")).encode())
        asset = account % INSTRUMENTS + 2
        frames.append(commands.CreditDeposit(account, asset, FUND, (2**64 + account).to_bytes(32, "little")).encode())
    for at in range(0, len(frames), BATCH):
        engine.apply(engine.sequence + 1, 1, b"".join(frames[at : at + BATCH]))
    return engine


def measure(count: int, seed: int = 1) -> EngineFigure:
    """Apply 60 % cancel-replace, 30 % resting limit orders and 10 % crossing ones; generating them is not timed."""
    engine = prepare()
    chance = random.Random(seed)
    resting: list[tuple[int, int, str]] = []
    batches: list[bytes] = []
    frames: list[bytes] = []
    for number in range(count):
        frames.append(_command(chance, number, resting).encode())
        if len(frames) == BATCH:
            batches.append(b"".join(frames))
            frames = []
    written, applied = 0, 0
    began = time.perf_counter()
    for step, batch in enumerate(batches):
        events, ends = engine.apply(engine.sequence + 1, 2 + step, batch)
        written += len(events)
        applied += len(ends) // 4
    seconds = time.perf_counter() - began
    engine.audit()
    return EngineFigure(applied, seconds, written, len(resting))


def _command(chance: random.Random, number: int, resting: list[tuple[int, int, str]]) -> commands.Command:
    draw = chance.random()
    name = f"b{number}"
    if draw < 0.6 and len(resting) > 1_000:
        place = chance.randrange(len(resting))
        account, side, old = resting[place]
        resting[place] = (account, side, name)
        return commands.CancelReplace(
            mode=2, cancel_client_id=old, cancel_request_id=name, new=_order(chance, account, side, name, 0)
        )
    account = 1_000 + chance.randrange(ACCOUNTS)
    side = chance.choice((1, 2))
    crossing = draw > 0.9
    if not crossing:
        resting.append((account, side, name))
    return _order(chance, account, side, name, 60 if crossing else 0)


def _order(chance: random.Random, account: int, side: int, name: str, reach: int) -> commands.PlaceOrder:
    away = chance.randrange(1, 50) - reach
    price = 10_000 + (away if side == 2 else -away)
    return commands.PlaceOrder(
        account=account,
        instrument=account % INSTRUMENTS + 1,
        side=side,
        type=1,
        time_in_force=2 if reach else 1,
        price=price * UNIT // 100,
        quantity=chance.randrange(1, 100) * 1_000,
        client_id=name,
    )
