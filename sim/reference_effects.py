"""What one command does: its events, and which levels and balances it changed."""

from typing import Any

from openbourse.protocol.events import EventKind
from sim.reference_codec import write_event
from sim.reference_state import Instrument, State


class Effects:
    """What one command does: its events so far, and how balances and levels stood before it."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.frames: list[bytes] = []
        self.balances_before: dict[tuple[int, int], tuple[int, int]] = {}
        self.levels_before: dict[tuple[int, int, int], tuple[int, int]] = {}

    def emit(self, kind: int, **values: Any) -> None:
        """Append an event."""
        self.append(kind, 1, values)

    def append(self, kind: int, frame_version: int, values: dict[str, Any]) -> None:
        """Append an event of a version of its layout."""
        self.frames.append(write_event(kind, frame_version, len(self.frames), self.state.sequence, values))

    def move(self, account: int, asset: int, available: int = 0, held: int = 0) -> None:
        """Change a balance by two differences."""
        balance = self.state.accounts[account].balances.setdefault(asset, [0, 0])
        self.balances_before.setdefault((account, asset), (balance[0], balance[1]))
        balance[0] += available
        balance[1] += held
        assert balance[0] >= 0
        assert balance[1] >= 0

    def touch(self, instrument: Instrument, side: int, price: int) -> None:
        """Note how a level stands before it is changed."""
        key = (instrument.image.instrument, side, price)
        if key not in self.levels_before:
            self.levels_before[key] = (instrument.shown(side, price), instrument.total(side, price))

    def is_total_changed(self, instrument: Instrument) -> bool:
        """Say whether the whole quantity at any of an instrument's prices differs from before the command."""
        return any(
            before != instrument.total(side, price)
            for (number, side, price), (_, before) in self.levels_before.items()
            if number == instrument.image.instrument
        )

    def finish(self) -> bytes:
        """Append the levels and balances that differ from before the command; return all events."""
        for (number, side, price), (before, _) in sorted(self.levels_before.items()):
            instrument = self.state.instruments[number]
            shown = instrument.shown(side, price)
            if shown != before:
                instrument.last_update += 1
                self.emit(
                    EventKind.LEVEL_CHANGED,
                    instrument=number,
                    update=instrument.last_update,
                    side=side,
                    price=price,
                    quantity=shown,
                )
        for (account, asset), (available, held) in sorted(self.balances_before.items()):
            now = self.state.accounts[account].balances[asset]
            if now != [available, held]:
                self.emit(
                    EventKind.BALANCE_CHANGED,
                    account=account,
                    asset=asset,
                    available=now[0],
                    held=now[1],
                    available_delta=now[0] - available,
                    held_delta=now[1] - held,
                )
        return b"".join(self.frames)
