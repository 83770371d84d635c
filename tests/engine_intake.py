"""An intake straight into a real engine, without a journal: for tests of parts that send commands."""

from openbourse import listings
from openbourse.edge.intake import Answer, IntakeFault
from openbourse.edge.operations import OrderCounts
from openbourse.engine import Engine
from openbourse.protocol.commands import Command, CreateAsset


class EngineIntake:
    """Answers as the sequencer would; `fault` makes it fail, `loses_answers` after the engine has done the work."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.submitted: list[Command] = []
        self.fault: IntakeFault | None = None
        self.loses_answers = False
        for code, asset in listings.ASSETS.items():
            self.engine.apply(self.engine.sequence + 1, 1, CreateAsset(asset, code).encode())

    async def submit(self, command: Command, not_after_us: int) -> Answer:
        if self.fault is not None and not self.loses_answers:
            raise self.fault
        self.submitted.append(command)
        sequence = self.engine.sequence + 1
        events, _ = self.engine.apply(sequence, 1, command.encode())
        if self.fault is not None:
            raise self.fault
        return Answer(sequence, 1, events, OrderCounts(0, 0))

    async def committed(self) -> int:
        return self.engine.sequence
