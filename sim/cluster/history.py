"""What clients did and were told, for the auditor: kept outside of the processes, so that no crash takes it away."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

WAITING: Final = "waiting"
ACKNOWLEDGED: Final = "acknowledged"
REFUSED: Final = "refused"
UNKNOWN: Final = "unknown"


@dataclass
class Record:
    """One command of a client. An order's or deposit's tag is in the events that it causes, too."""

    tag: str
    kind: str
    sent_us: int
    mark: str = ""
    """By what the command is known in the journal."""
    status: str = WAITING
    sequence: int = 0
    events: bytes = b""
    refusal: str = ""
    found: bool | None = None
    """What a query said after the outcome was unknown."""
    done_us: int = 0


@dataclass
class History:
    """All commands and reads of a run."""

    records: dict[str, Record] = field(default_factory=dict)
    answered_max: int = 0
    """The highest sequence that anybody has been told is committed, by an answer."""
    told_max: int = 0
    """The highest sequence that anybody has been told, by whatever."""
    violations: list[str] = field(default_factory=list)
    reads: int = 0
    counts: dict[str, int] = field(default_factory=dict)

    def begin(self, gateway: int, kind: str, now_us: int) -> Record:
        """Note a command before it is sent."""
        tag = f"tag-{gateway}-{len(self.records):06d}"
        record = self.records[tag] = Record(tag, kind, now_us)
        return record

    def violate(self, what: str) -> None:
        """Note something that must not be."""
        if what not in self.violations:
            self.violations.append(what)

    def acknowledge(self, record: Record, sequence: int, events: bytes, now_us: int) -> None:
        """Note an answer."""
        record.status, record.sequence, record.events, record.done_us = ACKNOWLEDGED, sequence, events, now_us
        self.answered_max = max(self.answered_max, sequence)
        self.told_max = max(self.told_max, sequence)

    def told(self, sequence: int, at_least: int) -> None:
        """Note how far a leader said that the journal goes; what was acknowledged before the question must be in it."""
        self.reads += 1
        self.told_max = max(self.told_max, sequence)
        if sequence < at_least:
            self.violate(f"a leader says that {sequence} is committed when {at_least} was acknowledged before")

    def with_status(self, status: str) -> Iterator[Record]:
        """Yield the records of a status."""
        return (record for record in self.records.values() if record.status == status)
