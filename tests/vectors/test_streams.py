"""Whole streams recorded under earlier rules: every later engine gives the same events and the same state.

A stream is a run of (i64 time_us, u32 length, frames), compressed; rules-1.json holds what its events and its last
snapshot hash to, as the engine of its day wrote them.
"""

import json
import lzma
from hashlib import sha256
from pathlib import Path
from struct import Struct

import pytest

from openbourse.engine import Engine as Native
from sim.differential import EngineKind
from sim.reference import Engine as Reference

_HERE = Path(__file__).parent
_HEAD = Struct("<qI")
_RECORDED: list[dict[str, str]] = json.loads((_HERE / "rules-1.json").read_text())


@pytest.mark.parametrize("kind", [Reference, Native], ids=["reference", "native"])
@pytest.mark.parametrize("recorded", _RECORDED, ids=lambda recorded: recorded["file"])
def test_a_stream_of_earlier_rules_gives_the_same_events_and_state(kind: EngineKind, recorded: dict[str, str]) -> None:
    stream = lzma.decompress((_HERE / recorded["file"]).read_bytes())
    engine, hashed, at = kind(), sha256(), 0
    while at < len(stream):
        time_us, length = _HEAD.unpack_from(stream, at)
        at += _HEAD.size + length
        events, ends = engine.apply(engine.sequence + 1, time_us, stream[at - length : at])
        hashed.update(events)
        hashed.update(ends)
    engine.audit()
    assert hashed.hexdigest() == recorded["events_sha256"]
    assert sha256(engine.snapshot()).hexdigest() == recorded["state_sha256"]
