"""What the simulated clients ask for: orders that meet, cancels, deposits, withdrawals; each can be found again."""

import random
from typing import Final

from openbourse.protocol import commands
from openbourse.protocol.amounts import UNIT
from openbourse.protocol.instruments import Feature, Instrument, InstrumentRules, OrderType, Side, TimeInForce

ACCOUNTS: Final = (1_001, 1_002, 1_003)
PAIR: Final = Instrument(
    instrument=1,
    symbol="BTCUSDT",
    base=1,
    quote=2,
    price_min=0,
    price_max=0,
    tick=UNIT,
    quantity_min=1_000,
    quantity_max=10**6 * UNIT,
    step=1_000,
    notional_min=0,
    orders_max=60,
)
PRICES: Final = (95, 106)
KINDS: Final = ("place", "place", "place", "place", "place", "cancel", "cancel", "deposit", "hold", "settle", "release")


def mark_of(command: commands.Command) -> str:
    """Return by what a command of these clients is known, "" when it is none of theirs."""
    match command:
        case commands.PlaceOrder():
            return command.client_id
        case commands.CancelOrder():
            return command.request_id
        case commands.CreditDeposit():
            mark = command.identity.rstrip(b".").decode(errors="replace")
            return mark if mark.startswith("tag-") else ""
        case commands.HoldWithdrawal():
            return f"hold-{command.withdrawal}"
        case commands.SettleWithdrawal() | commands.ReleaseWithdrawal():
            return f"end-{command.withdrawal}"
    return ""


def set_up() -> list[commands.Command]:
    """Return what makes a venue out of an empty journal; sent again it changes nothing."""
    made: list[commands.Command] = [
        commands.SetRules(2),
        commands.CreateAsset(1, "BTC"),
        commands.CreateAsset(2, "USDT"),
        commands.ListInstrument(PAIR),
        commands.SetInstrumentRules(InstrumentRules(instrument=1, features=Feature.GOOD_TILL)),
    ]
    for account in ACCOUNTS:
        made.append(commands.OpenAccount(account))
        for asset in (1, 2):
            identity = b"set up %d %d" % (account, asset)
            made.append(commands.CreditDeposit(account, asset, 10**5 * UNIT, identity.ljust(32, b".")))
    return made


class Workload:
    """Makes commands; remembers the orders that were acknowledged, so that cancels find some."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._open: list[tuple[int, str]] = []
        self._held: list[int] = []

    def kind(self) -> str:
        """Choose what comes next."""
        return self._chance.choice(KINDS)

    def make(self, kind: str, tag: str, now_us: int) -> commands.Command:
        """Return a command with a tag."""
        account = self._chance.choice(ACCOUNTS)
        number = int(tag[4]) * 1_000_000 + int(tag[6:])
        if kind == "cancel" and self._open:
            account, client_id = self._open.pop(self._chance.randrange(len(self._open)))
            return commands.CancelOrder(account, 1, client_id=client_id, request_id=tag)
        if kind == "deposit":
            amount = self._chance.randint(1, 1_000) * UNIT
            return commands.CreditDeposit(account, self._chance.choice((1, 2)), amount, tag.encode().ljust(32, b"."))
        if kind == "hold":
            self._held.append(number)
            return commands.HoldWithdrawal(account, 2, self._chance.randint(1, 50) * UNIT, number)
        if kind in ("settle", "release") and self._held:
            withdrawal = self._held.pop(0)
            ending = commands.SettleWithdrawal if kind == "settle" else commands.ReleaseWithdrawal
            return ending(withdrawal)
        return self._order(account, tag, now_us)

    def _order(self, account: int, tag: str, now_us: int) -> commands.PlaceOrder:
        is_resting = self._chance.random() < 0.7
        expires = now_us + self._chance.randint(500_000, 4_000_000) if self._chance.random() < 0.1 else None
        self._open.append((account, tag))
        return commands.PlaceOrder(
            account=account,
            instrument=1,
            side=self._chance.choice((Side.BUY, Side.SELL)),
            type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC if is_resting else TimeInForce.IOC,
            price=self._chance.randint(*PRICES) * UNIT,
            quantity=self._chance.randint(1, 400) * 1_000,
            client_id=tag,
            expires_us=expires if is_resting else None,
        )
