"""Golden bytes of what rules version 2 adds, independent of any engine: a frame, and what it says.

`python -m tests.vectors.test_layouts` writes the file anew: only for a layout that was never released.
"""

import json
from pathlib import Path

from openbourse.protocol import commands, events
from tests.protocol.test_commands import EVERY_KIND
from tests.protocol.test_events import EXTENDED_FRAMES

_FILE = Path(__file__).parent / "layout-2.json"
_IDENTITY = commands.Identity(session=77, counter=5, low_water=3, not_after_us=-1)


def record() -> dict[str, list[dict[str, str]]]:
    """Return each frame with what it says."""
    frames = [command.encode(_IDENTITY) for command in EVERY_KIND]
    return {
        "commands": [{"frame": frame.hex(), "says": repr(commands.decode(frame)[0])} for frame in frames],
        "events": [{"frame": frame.hex(), "says": repr(next(events.decode(frame)))} for frame in EXTENDED_FRAMES],
    }


def test_every_golden_frame_says_what_it_said_and_is_written_again() -> None:
    golden = json.loads(_FILE.read_text())
    for row in golden["commands"]:
        command, identity = commands.decode(bytes.fromhex(row["frame"]))
        assert repr(command) == row["says"]
        assert identity == _IDENTITY
        assert command.encode(identity).hex() == row["frame"]
    for row in golden["events"]:
        (event,) = events.decode(bytes.fromhex(row["frame"]))
        assert repr(event) == row["says"]


def test_the_golden_frames_hold_every_kind_that_rules_2_add() -> None:
    golden = json.loads(_FILE.read_text())
    found = {bytes.fromhex(row["frame"])[4] for row in golden["commands"]}
    assert found >= {int(kind) for kind in commands.CommandKind}
    found = {bytes.fromhex(row["frame"])[4] for row in golden["events"]}
    assert found >= {12, *(int(kind) for kind in events.EventKind if kind > events.EventKind.RULES_SET)}


if __name__ == "__main__":
    _FILE.write_text(json.dumps(record(), indent=1) + "\n")
