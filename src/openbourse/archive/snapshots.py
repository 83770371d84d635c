"""Snapshots of the engine beside the segments: with one, a restore from the archive replays only what came after it."""

import asyncio
import gzip
import hashlib
from typing import Final, Protocol

import msgspec
import structlog

from openbourse.objects import ObjectDiffers, ObjectExists, Objects, all_listed
from openbourse.protocol.journal import SnapshotRow

log: Final = structlog.get_logger()

MAGIC: Final = b"OBSNAP1\n"
DIGEST_BYTES: Final = 32
STATE_BYTES_MAX: Final = 1024 * 1024 * 1024
EVERY_S: Final = 60.0


class Journal(Protocol):
    """What is needed of the journal."""

    async def snapshot_sequences(self) -> list[int]: ...
    async def snapshot(self, sequence: int) -> SnapshotRow | None: ...


def snapshot_key(shard: int, sequence: int) -> str:
    """Return where a snapshot lies."""
    return f"snapshots/{shard:05}/{sequence:020}.snap"


def pack_snapshot(row: SnapshotRow) -> bytes:
    """Return a snapshot with its checksum."""
    body = MAGIC + gzip.compress(msgspec.msgpack.encode(row), compresslevel=1, mtime=0)
    return body + hashlib.sha256(body).digest()


def unpack_snapshot(body: bytes) -> SnapshotRow:
    """Return a snapshot. Raises ValueError for what is no whole one."""
    packed, digest = body[:-DIGEST_BYTES], body[-DIGEST_BYTES:]
    if not packed.startswith(MAGIC) or hashlib.sha256(packed).digest() != digest:
        raise ValueError("this is no whole snapshot")
    row = msgspec.msgpack.decode(gzip.decompress(packed[len(MAGIC) :]), type=SnapshotRow)
    if not row.is_whole():
        raise ValueError("its state is not the one that was hashed")
    return row


class SnapshotKeeper:
    """Copies each new snapshot of the journal's database, the newest alone when there are several."""

    def __init__(self, objects: Objects, journal: Journal, shard: int) -> None:
        self._objects = objects
        self._journal = journal
        self._shard = shard
        self.kept = 0

    async def step(self) -> int | None:
        """Copy the newest snapshot if it is not there yet; return its sequence. Raises JournalAway, ObjectsAway."""
        sequences = await self._journal.snapshot_sequences()
        if not sequences or sequences[0] <= self.kept:
            return None
        newest = sequences[0]
        key = snapshot_key(self._shard, newest)
        is_there = any(head.key == key for head in await all_listed(self._objects, f"snapshots/{self._shard:05}"))
        if not is_there:
            row = await self._journal.snapshot(newest)
            if row is None or not row.is_whole() or len(row.state) > STATE_BYTES_MAX:
                return None
            await self._create(key, await asyncio.to_thread(pack_snapshot, row))
        self.kept = newest
        return None if is_there else newest

    async def _create(self, key: str, body: bytes) -> None:
        try:
            await self._objects.create(key, body)
        except (ObjectExists, ObjectDiffers):
            return  # another worker was quicker, or this one's answer was lost
        log.info("snapshot archived", key=key, bytes=len(body))


async def newest_snapshot(objects: Objects, shard: int) -> SnapshotRow | None:
    """Return the newest snapshot that is whole; None without one. Raises ObjectsAway."""
    for head in reversed(await all_listed(objects, f"snapshots/{shard:05}")):
        try:
            return unpack_snapshot(await objects.read(head.key))
        except ValueError as fault:
            log.warning("snapshot passed over", key=head.key, why=str(fault))
    return None
