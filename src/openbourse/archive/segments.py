"""A segment: consecutive committed batches in one file, compressed, with a checksum over all of it.

Layout: the magic, the length of the head (4 bytes, little endian), the head (JSON), the batches (gzip of length-prefixed
MessagePack), and SHA-256 of everything before. Ordinary tools read it: the head with `head -c`, the rest with zcat.
"""

import hashlib
import zlib
from collections.abc import Sequence
from itertools import pairwise
from struct import Struct, error
from typing import Final

import msgspec

from openbourse.protocol.journal import BatchRow

MAGIC: Final = b"OBSEG01\n"
DIGEST_BYTES: Final = 32
RAW_BYTES_MAX: Final = 512 * 1024 * 1024
"""A segment whose batches claim to be more is refused before it is unpacked."""
_LENGTH: Final = Struct("<I")
_GZIP: Final = 31
"""zlib's word for gzip's own head and tail."""
_LEVEL: Final = 6
_ROW: Final = msgspec.msgpack.Encoder()
_READ_ROW: Final = msgspec.msgpack.Decoder(tuple[int, int, int, int, int, bytes, bytes, bytes, bytes])


class SegmentFault(ValueError):
    """Bytes that are no whole segment; the text says what is wrong with them."""


class SegmentHead(msgspec.Struct, frozen=True):
    """What a segment says of itself."""

    shard: int
    branch: int
    """How often the journal went on otherwise than archived, after a restore that lost batches."""
    first_sequence: int
    last_sequence: int
    first_us: int
    last_us: int
    batches: int
    raw_bytes: int
    previous_hash: str
    """Where it continues the chain, in hexadecimal."""
    last_hash: str


def pack(rows: Sequence[BatchRow], branch: int) -> tuple[SegmentHead, bytes]:
    """Return a segment of consecutive rows and its head."""
    assert rows, "a segment holds a batch at least"
    for before, row in pairwise(rows):
        assert row.previous_hash == before.hash, "a segment's batches follow each other"
    raw = b"".join(_LENGTH.pack(len(packed)) + packed for packed in map(_pack_row, rows))
    head = SegmentHead(
        shard=rows[0].shard,
        branch=branch,
        first_sequence=rows[0].first_sequence,
        last_sequence=rows[-1].last_sequence,
        first_us=rows[0].time_us,
        last_us=rows[-1].time_us,
        batches=len(rows),
        raw_bytes=len(raw),
        previous_hash=rows[0].previous_hash.hex(),
        last_hash=rows[-1].hash.hex(),
    )
    shown = msgspec.json.encode(head) + b"\n"
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    body = MAGIC + _LENGTH.pack(len(shown)) + shown + compressor.compress(raw) + compressor.flush()
    return head, body + hashlib.sha256(body).digest()


def unpack(segment: bytes) -> tuple[SegmentHead, list[BatchRow]]:
    """Return head and rows, all of it checked: checksum, every batch's hash, the chain. Raises SegmentFault."""
    head, at = read_head(segment)
    body, digest = segment[:-DIGEST_BYTES], segment[-DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        raise SegmentFault("its checksum is wrong")
    if head.raw_bytes > RAW_BYTES_MAX:
        raise SegmentFault("it claims to be too large")
    rows = _rows(_inflated(body[at:], head.raw_bytes))
    _check_chain(head, rows)
    return head, rows


def read_head(segment: bytes) -> tuple[SegmentHead, int]:
    """Return the head, unchecked, and where the batches begin. Raises SegmentFault."""
    start = len(MAGIC) + _LENGTH.size
    if not segment.startswith(MAGIC) or len(segment) < start + DIGEST_BYTES:
        raise SegmentFault("it does not begin as a segment does")
    (length,) = _LENGTH.unpack_from(segment, len(MAGIC))
    if start + length > len(segment) - DIGEST_BYTES:
        raise SegmentFault("its head is cut off")
    try:
        return msgspec.json.decode(segment[start : start + length], type=SegmentHead), start + length
    except msgspec.MsgspecError as fault:
        raise SegmentFault(f"its head cannot be read: {fault}") from fault


def _pack_row(row: BatchRow) -> bytes:
    return _ROW.encode(msgspec.structs.astuple(row))


def _inflated(compressed: bytes, size: int) -> bytes:
    """Return what was compressed, never more than the head says."""
    inflater = zlib.decompressobj(_GZIP)
    try:
        raw = inflater.decompress(compressed, size + 1)
    except zlib.error as fault:
        raise SegmentFault(f"its batches cannot be unpacked: {fault}") from fault
    if len(raw) != size or inflater.unused_data:
        raise SegmentFault("its batches are not as long as its head says")
    return raw


def _rows(raw: bytes) -> list[BatchRow]:
    rows, at = [], 0
    try:
        while at < len(raw):
            (length,) = _LENGTH.unpack_from(raw, at)
            at += _LENGTH.size + length
            rows.append(BatchRow(*_READ_ROW.decode(raw[at - length : at])))
    except (msgspec.MsgspecError, error, TypeError) as fault:
        raise SegmentFault(f"a batch cannot be read: {fault}") from fault
    return rows


def _check_chain(head: SegmentHead, rows: list[BatchRow]) -> None:
    if not rows or len(rows) != head.batches:
        raise SegmentFault(f"it holds {len(rows)} batches, its head says {head.batches}")
    sequence, before = head.first_sequence, bytes.fromhex(head.previous_hash)
    for row in rows:
        if row.shard != head.shard or row.first_sequence != sequence or row.previous_hash != before:
            raise SegmentFault(f"the batch at sequence {row.first_sequence} does not follow the one before it")
        if not row.is_whole():
            raise SegmentFault(f"the batch at sequence {row.first_sequence} was changed: its hash is another")
        sequence, before = row.last_sequence + 1, row.hash
    if rows[-1].last_sequence != head.last_sequence or rows[-1].hash.hex() != head.last_hash:
        raise SegmentFault("it ends elsewhere than its head says")
