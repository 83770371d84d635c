"""Frames are cut where they end, however the stream comes in pieces, and only whole texts are read without the parser."""

import random

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol as Wire
from websockets.protocol import Side

from openbourse.edge.frames import cut, unmasked

BYTES_MAX = 65_536
SIZES = (0, 1, 5, 125, 126, 127, 4_000, 65_535, 65_536)


def sent(opcode: Opcode, payload: bytes, *, fin: bool = True, mask: bool = True) -> bytes:
    return Frame(opcode, payload, fin).serialize(mask=mask)


@pytest.mark.parametrize("size", SIZES)
def test_a_whole_text_is_read_with_whatever_mask(size: int) -> None:
    chance = random.Random(size)
    payload = chance.randbytes(size)
    made = sent(Opcode.TEXT, payload)
    assert cut(b"xy" + made + b"z", 2, BYTES_MAX) == (2 + len(made), payload)
    for end in {0, 1, 2, 5, len(made) // 2, len(made) - 1}:
        assert cut(made[:end], 0, BYTES_MAX) == (0, None)


@pytest.mark.parametrize(
    "made",
    [
        sent(Opcode.PING, b"x"),
        sent(Opcode.CONT, b"x"),
        sent(Opcode.BINARY, b"x"),
        sent(Opcode.TEXT, b"x", fin=False),
        sent(Opcode.TEXT, b"x", mask=False),
        b"\xc1" + sent(Opcode.TEXT, b"x")[1:],
    ],
    # Named, because a mask is made anew in every process.
    ids=["a ping", "a later part", "bytes", "a first part", "no mask", "compressed"],
)
def test_everything_else_is_the_parsers(made: bytes) -> None:
    assert cut(made, 0, BYTES_MAX) == (len(made), None)


def test_what_is_too_long_is_refused_by_its_head() -> None:
    made = sent(Opcode.TEXT, b"x" * (BYTES_MAX + 1))[:100]
    assert cut(made, 0, BYTES_MAX) == (100, None)


def test_unmasking_is_what_masking_was() -> None:
    assert unmasked(unmasked(b"some text", b"abcd"), b"abcd") == b"some text"


@pytest.mark.parametrize("seed", range(20))
def test_frames_in_pieces_are_what_the_parser_sees(seed: int) -> None:
    chance = random.Random(seed)
    kinds = (Opcode.TEXT, Opcode.TEXT, Opcode.PING, Opcode.BINARY)
    made = [(kind, SIZES[:4] if kind is Opcode.PING else SIZES[:7]) for kind in chance.choices(kinds, k=40)]
    frames = [sent(kind, chance.randbytes(chance.choice(sizes))) for kind, sizes in made]
    whole, wire = b"".join(frames), Wire(Side.SERVER)
    wire.receive_data(whole)
    expected = [(event.opcode, bytes(event.data)) for event in wire.events_received() if isinstance(event, Frame)]
    found: list[tuple[int, bytes]] = []
    stream, buffered = whole, b""
    while stream:
        size = chance.randrange(1, 3_000)
        buffered, stream = buffered + stream[:size], stream[size:]
        while end := cut(buffered, 0, BYTES_MAX)[0]:
            text = cut(buffered, 0, BYTES_MAX)[1]
            if text is not None:
                found.append((Opcode.TEXT, text))
            else:
                alone = Wire(Side.SERVER)
                alone.receive_data(buffered[:end])
                found += [
                    (event.opcode, bytes(event.data)) for event in alone.events_received() if isinstance(event, Frame)
                ]
            buffered = buffered[end:]
    assert found == expected
    assert not buffered
