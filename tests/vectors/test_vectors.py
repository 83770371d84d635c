"""Golden bytes of every command, every event and a snapshot: the layouts are never edited after a release.

`python -m tests.vectors.test_vectors` writes the file anew: only for a layout version that was never released.
"""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from openbourse.engine import Engine as Native
from openbourse.protocol import commands, events
from openbourse.protocol.commands import CommandKind, split
from openbourse.protocol.events import EventKind
from openbourse.protocol.rejects import RejectReason
from sim.differential import AnyEngine, EngineKind, offsets
from sim.reference import Engine as Reference
from sim.reference_codec import read_events
from sim.workload import Workload

_FILE = Path(__file__).parent / "version-1.json"
_SEED = 14
_COMMANDS = 400
# What a short random stream may leave out.
_RARE = [
    command.encode(commands.Identity(session=77, counter=counter, not_after_us=-1))
    for counter, command in enumerate(
        (
            commands.AdvanceTime(),
            commands.SetRules(1),
            commands.SetRules(3),
            commands.CreateAsset(7, "SEVEN"),
            commands.OpenAccount(500, 3),
            commands.SetPermissions(500, 7),
            commands.SetFee(500, 0, 5, 6),
            commands.CreditDeposit(500, 7, 2**90, bytes(range(32))),
            commands.CreditDeposit(500, 7, 2**90, bytes(range(32))),
            commands.HoldWithdrawal(500, 7, 2**80, 2**64 - 1),
            commands.HoldWithdrawal(500, 7, 1, 2**64 - 2),
            commands.HoldWithdrawal(500, 7, 1, 2**64 - 3),
            commands.SettleWithdrawal(2**64 - 1),
            commands.ReleaseWithdrawal(2**64 - 2),
            commands.SetInstrumentStatus(1, 2),
            commands.SetInstrumentStatus(1, 1),
            commands.CancelAll(500, 0, "request"),
        ),
        1,
    )
] * 2


def record() -> dict[str, object]:
    """Return the vectors as the reference makes them: batches with their events, and the last snapshot."""
    engine, workload = Reference(), Workload(_SEED)
    batches: list[dict[str, Any]] = []
    is_over = False
    while not is_over:
        is_over = engine.sequence >= _COMMANDS
        time_us, frames = (workload.time_us, b"".join(_RARE)) if is_over else workload.batch()
        found, ends = engine.apply(engine.sequence + 1, time_us, frames)
        workload.observe(found)
        rows = [
            {"command": command.hex(), "events": found[start:end].hex()}
            for command, start, end in zip(split(frames), [0, *offsets(ends)], offsets(ends), strict=False)
        ]
        batches.append({"time_us": time_us, "commands": rows})
    snapshot = engine.snapshot()
    return {
        "layout": 1,
        "batches": batches,
        "snapshot": snapshot.hex(),
        "state_hash": sha256(snapshot).hexdigest(),
    }


def play(engine: AnyEngine, golden: dict[str, object]) -> None:
    """Apply the recorded batches, and compare every event."""
    batches = golden["batches"]
    assert isinstance(batches, list)
    for batch in batches:
        frames = b"".join(bytes.fromhex(row["command"]) for row in batch["commands"])
        found, ends = engine.apply(engine.sequence + 1, batch["time_us"], frames)
        for row, start, end in zip(batch["commands"], [0, *offsets(ends)], offsets(ends), strict=False):
            assert found[start:end].hex() == row["events"], row["command"]


@pytest.fixture(scope="module")
def golden() -> dict[str, object]:
    """Return the recorded vectors."""
    recorded: dict[str, object] = json.loads(_FILE.read_text())
    return recorded


@pytest.mark.parametrize("kind", [Reference, Native], ids=["reference", "native"])
def test_the_golden_commands_give_the_golden_bytes(kind: EngineKind, golden: dict[str, object]) -> None:
    engine = kind()
    play(engine, golden)
    assert engine.snapshot().hex() == golden["snapshot"]
    restored = kind.restore(bytes.fromhex(str(golden["snapshot"])))
    restored.audit()
    assert sha256(restored.snapshot()).hexdigest() == golden["state_hash"]


def test_the_golden_bytes_hold_every_command_event_and_order_outcome(golden: dict[str, object]) -> None:
    batches = golden["batches"]
    assert isinstance(batches, list)
    rows = [row for batch in batches for row in batch["commands"]]
    frames = [bytes.fromhex(row["command"]) for row in rows]
    found = [(kind, record) for row in rows for kind, record in read_events(bytes.fromhex(row["events"]))]
    kinds = {frame[4] for frame in frames if len(frame) >= 40 and frame[5] == 0}
    assert kinds >= {int(kind) for kind in CommandKind if kind <= CommandKind.SET_RULES}
    assert {kind for kind, _ in found} == {int(kind) for kind in EventKind if kind <= EventKind.RULES_SET}
    reasons = {RejectReason(record.reason) for kind, record in found if kind == EventKind.COMMAND_REJECTED}
    assert len(reasons) >= 24


def test_the_codec_reads_the_golden_bytes_and_writes_them_again(golden: dict[str, object]) -> None:
    batches = golden["batches"]
    assert isinstance(batches, list)
    written = 0
    for batch in batches:
        for row in batch["commands"]:
            data = bytes.fromhex(row["command"])
            told = list(events.decode(bytes.fromhex(row["events"])))
            assert told
            try:
                command, identity = commands.decode(data)
            except ValueError:
                continue
            assert command.encode(identity) == data
            written += 1
    assert written > _COMMANDS // 2


if __name__ == "__main__":
    _FILE.write_text(json.dumps(record(), indent=1) + "\n")
