"""A recorded NASDAQ hour-slice, fed to the engine, gives the recorded book after every message."""

import os
from pathlib import Path

import pytest

from openbourse.engine import Engine
from openbourse.protocol import commands, events
from openbourse.protocol.amounts import UNIT
from openbourse.protocol.instruments import Instrument, SelfTradePrevention, Side
from openbourse.replay.formats import Levels, lobster, lobster_book
from openbourse.replay.tape import CancelIntent, Intent, Tape

DATA = Path(os.environ.get("OPENBOURSE_SAMPLES", Path(__file__).parents[2].parent / "shared" / "data"))
MESSAGES = DATA / "MSFT_2012-06-21_message_50.csv.gz"
BOOKS = DATA / "MSFT_2012-06-21_orderbook_50.csv.gz"
LEVELS = 20
ACCOUNT = 1_000
MSFT = Instrument(
    instrument=1,
    symbol="MSFTUSD",
    base=1,
    quote=2,
    price_min=0,
    price_max=0,
    tick=UNIT // 100,
    quantity_min=UNIT,
    quantity_max=10**6 * UNIT,
    step=UNIT,
    notional_min=0,
    notional_flags=0,
    orders_max=100_000,
)


class Venue:
    """The engine with one instrument, and its book as the LevelChanged events give it."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.tape = Tape()
        self.book: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
        for command in (
            commands.CreateAsset(1, "MSFT"),
            commands.CreateAsset(2, "USD"),
            commands.ListInstrument(MSFT),
            commands.OpenAccount(ACCOUNT),
            commands.CreditDeposit(ACCOUNT, 1, 10**9 * UNIT, bytes(32)),
            commands.CreditDeposit(ACCOUNT, 2, 10**11 * UNIT, bytes([1] * 32)),
        ):
            self.apply(command)

    def apply(self, command: commands.Command) -> None:
        raw, _ = self.engine.apply(self.engine.sequence + 1, self.engine.sequence + 1, command.encode())
        for event in events.decode(raw):
            assert not isinstance(event, events.CommandRejected), event
            if isinstance(event, events.LevelChanged):
                side = self.book[Side(event.side)]
                side[event.price] = event.quantity
                if event.quantity == 0:
                    del side[event.price]
            elif isinstance(event, events.OrderUpdated) and event.flags & events.OrderFlag.IS_MAKER:
                self.tape.filled(event.client_id, event.last_quantity)

    def trade(self, intent: Intent) -> None:
        if isinstance(intent, CancelIntent):
            self.apply(commands.CancelOrder(ACCOUNT, 1, client_id=intent.handle))
            return
        self.apply(
            commands.PlaceOrder(
                account=ACCOUNT,
                instrument=1,
                side=intent.side,
                type=1,
                time_in_force=intent.time_in_force,
                stp=SelfTradePrevention.NONE,
                price=intent.price,
                quantity=intent.quantity,
                client_id=intent.handle,
            )
        )

    def best(self) -> tuple[Levels, Levels]:
        asks = tuple(sorted(self.book[Side.SELL].items())[:LEVELS])
        bids = tuple(sorted(self.book[Side.BUY].items(), reverse=True)[:LEVELS])
        return asks, bids


@pytest.mark.skipif(not MESSAGES.exists(), reason="the recorded sample is not beside this checkout")
def test_the_twenty_best_levels_are_the_recorded_ones_after_every_message() -> None:
    venue = Venue()
    books = list(lobster_book(BOOKS))
    # Hidden executions and halts change no visible book, so the reader passes over them; their rows repeat the book before.
    kinds = [line.split(",")[1] for line in _lines(MESSAGES)]
    steps = lobster(MESSAGES)
    equal = 0
    for row, kind in enumerate(kinds):
        if kind in "1234":
            step = next(steps)
            if row == 0:
                for intent in venue.tape.open_with(*books[0], step):
                    venue.trade(intent)
            for intent in venue.tape.intents(step):
                venue.trade(intent)
        asks, bids = books[row]
        assert venue.best() == (asks[:LEVELS], bids[:LEVELS]), f"row {row + 1}"
        equal += 1
    assert equal == len(books) == 1_000
    assert venue.tape.unknown == 0
    venue.engine.audit()


def _lines(path: Path) -> list[str]:
    from openbourse.replay.formats import open_text

    with open_text(path) as lines:
        return lines.read().split()
