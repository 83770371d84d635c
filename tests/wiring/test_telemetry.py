"""What a sequencer tells of itself becomes metrics by the table's names."""

import asyncio
import json
from pathlib import Path

import msgspec
import pytest

from openbourse.protocol.journal import Head, JournalAway
from openbourse.sequencer.sequencer import Counters
from openbourse.settings import ProcessSettings
from openbourse.wiring import telemetry as module
from openbourse.wiring.telemetry import Behind, Telemetry


def telemetry(tmp_path: Path) -> Telemetry:
    return Telemetry(ProcessSettings(data_dir=tmp_path), ("sequencer",))


def test_a_leader_tells_that_it_leads_and_how_long_appends_take(tmp_path: Path) -> None:
    one = telemetry(tmp_path)
    one.take("standby_sequencer-2", b'{"behind": 3, "is_diverged": 0}')
    assert json.loads(one.line())["standby_behind"] == 3
    counters = Counters(commands=9, queue=2, standbys=1, append_us_buckets={"500": 4, "50000": 1, "more": 1})
    one.take("sequencer", msgspec.json.encode(counters))
    line = json.loads(one.line())
    assert (line["sequencer_leading"], line["sequencer_commands"], line["sequencer_standbys"]) == (1, 9, 1)
    assert sum(line["sequencer_append_ms"]["Counts"]) == 6
    assert max(line["sequencer_append_ms"]["Values"]) >= 1_000
    assert "standby_behind" not in line, "who leads stands by no more"


async def test_how_far_behind_is_looked_at_again_after_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEHIND_EVERY_S", 0.001)
    asked = 0

    async def head() -> Head:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise JournalAway("away")
        return Head(12)

    async def cursor() -> int:
        return 7

    behind = Behind(head, cursor)
    running = asyncio.create_task(behind.run())
    async with asyncio.timeout(5):
        while behind.commands != 5:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    running.cancel()
    assert behind.counters() == {"cursor": 7, "behind": 5}


async def test_what_was_counted_last_is_told_on_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    monkeypatch.setattr(module, "write_line", written.append)

    async def leave(group: str, counters: bytes) -> None:
        raise AssertionError("it is too early for that")

    for every_s, lines in ((0, 0), (60, 1)):
        one = Telemetry(ProcessSettings(data_dir=tmp_path, emf_every_s=every_s), ("archive",))
        one.add("archive", lambda: {"segments": 3})
        running = asyncio.create_task(one.run(leave))
        await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait({running})
        assert len(written) == lines
    assert json.loads(written[0])["archive_segments"] == 3
