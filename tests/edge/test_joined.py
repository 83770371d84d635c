"""What a response is written in goes out as one, and nothing is kept back."""

import asyncio
from collections.abc import Callable

import pytest

from openbourse.edge.joined import HELD_BYTES_MAX, Joined


class Wire(asyncio.Transport):
    """Notes what is done to it."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 1)})
        self.seen: list[bytes | str] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.seen.append(bytes(data))

    def write_eof(self) -> None:
        self.seen.append("eof")

    def close(self) -> None:
        self.seen.append("close")

    def abort(self) -> None:
        self.seen.append("abort")

    def is_closing(self) -> bool:
        return "close" in self.seen or "abort" in self.seen


async def test_head_and_body_are_one_write() -> None:
    wire = Wire()
    joined = Joined(wire)
    joined.write(b"head ")
    joined.write(b"body")
    assert wire.seen == []
    joined.flush()
    joined.flush()
    await asyncio.sleep(0)
    assert wire.seen == [b"head body"]
    assert joined.get_extra_info("peername") == ("192.0.2.1", 1)


async def test_a_head_whose_body_comes_later_goes_out_at_the_end_of_the_turn() -> None:
    wire = Wire()
    joined = Joined(wire)
    for part in (b"head", b"body"):
        joined.write(part)
        await asyncio.sleep(0)
        assert wire.seen[-1] == part
    assert len(wire.seen) == 2


async def test_much_is_not_held() -> None:
    wire = Wire()
    joined = Joined(wire)
    joined.write(b"head")
    joined.write(b"x" * HELD_BYTES_MAX)
    assert wire.seen == [b"head" + b"x" * HELD_BYTES_MAX]


@pytest.mark.parametrize(
    ("end", "seen"),
    [
        (Joined.close, [b"last", "close"]),
        (Joined.write_eof, [b"last", "eof"]),
        (Joined.abort, ["abort"]),
    ],
)
async def test_an_end_comes_behind_what_was_written(end: Callable[[Joined], None], seen: list[bytes | str]) -> None:
    wire = Wire()
    joined = Joined(wire)
    joined.write(b"last")
    end(joined)
    await asyncio.sleep(0)
    assert wire.seen == seen


async def test_nothing_is_written_to_what_has_closed() -> None:
    wire = Wire()
    joined = Joined(wire)
    joined.write(b"late")
    wire.close()
    assert joined.is_closing()
    await asyncio.sleep(0)
    assert wire.seen == ["close"]
