"""Which segments there are, and which of them, one after the other, make the journal."""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from openbourse.objects import ObjectHead, Objects, all_listed

_KEY: Final = re.compile(r"journal/(\d{5})/(\d{5})/(\d{20})-(\d{20})\.seg")


class Entry(NamedTuple):
    """A segment by its key: shard, branch and range of sequences."""

    shard: int
    branch: int
    first: int
    last: int
    size: int = 0

    @property
    def key(self) -> str:
        """Where the segment lies; keys sort by branch and sequence."""
        return f"{folder_of(self.shard)}/{self.branch:05}/{self.first:020}-{self.last:020}.seg"


def folder_of(shard: int) -> str:
    """Return the folder of a shard's segments."""
    return f"journal/{shard:05}"


def entry_of(head: ObjectHead) -> Entry | None:
    """Return the segment that a key names; None for what is none."""
    matched = _KEY.fullmatch(head.key)
    if matched is None:
        return None
    shard, branch, first, last = (int(part) for part in matched.groups())
    return Entry(shard, branch, first, last, head.size)


async def read_entries(objects: Objects, shard: int) -> list[Entry]:
    """Return every segment of a shard, of all branches. Raises ObjectsAway."""
    found = (entry_of(head) for head in await all_listed(objects, folder_of(shard)))
    return [entry for entry in found if entry is not None]


def chain_of(entries: Iterable[Entry]) -> tuple[list[Entry], int | None]:
    """Return the segments that make the journal, in order, and the sequence that is missing between them, if one is.

    A newer branch goes before an older one from where it begins. Two workers that were at it at once may have left
    segments that overlap: of those that begin where the one before ends, the longest is taken.
    """
    by_first: dict[int, Entry] = {}
    every = list(entries)
    starts: dict[int, int] = {}
    for entry in every:
        starts[entry.branch] = min(entry.first, starts.get(entry.branch, entry.first))
    for entry in every:
        if any(branch > entry.branch and start <= entry.last for branch, start in starts.items()):
            continue
        best = by_first.get(entry.first)
        if best is None or (entry.branch, entry.last) > (best.branch, best.last):
            by_first[entry.first] = entry
    chain: list[Entry] = []
    wanted = 1
    while wanted in by_first:
        chain.append(by_first[wanted])
        wanted = by_first[wanted].last + 1
    has_more = any(first > wanted for first in by_first)
    return chain, wanted if has_more else None
