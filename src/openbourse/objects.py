"""Objects: bytes under a key, written once and never changed, in a directory or in S3. The port, and what both agree on."""

import re
from typing import Final, NamedTuple, Protocol

KEY_LENGTH_MAX: Final = 512
LISTED_MAX: Final = 1_000
"""Keys of one listing; `after` gives the next."""
OBJECT_BYTES_MAX: Final = 1024 * 1024 * 1024
"""An object is written and read in one piece."""
_KEY: Final = re.compile(r"[A-Za-z0-9_=-][A-Za-z0-9._=-]*(?:/[A-Za-z0-9_=-][A-Za-z0-9._=-]*)*", re.ASCII)


class ObjectsAway(OSError):
    """The store cannot be reached or refuses us now: whether a write that was under way took effect is not known."""


class ObjectMissing(Exception):
    """There is no object of this key."""


class ObjectExists(Exception):
    """There is an object of this key already; it was left as it is."""


class ObjectDiffers(Exception):
    """There is an object of this key already, with other bytes."""


class ObjectHead(NamedTuple):
    """What a listing tells of an object."""

    key: str
    size: int


class Objects(Protocol):
    """A place for objects. One suite of tests holds every adapter to it."""

    async def create(self, key: str, body: bytes) -> None:
        """Write an object, whole or not at all. Raises ObjectExists, ObjectsAway."""
        ...

    async def read(self, key: str) -> bytes:
        """Return an object's bytes. Raises ObjectMissing, ObjectsAway."""
        ...

    async def listed(self, folder: str, after: str = "") -> list[ObjectHead]:
        """Return at most LISTED_MAX objects below a folder whose keys come after one, by key. Raises ObjectsAway."""
        ...


def checked_key(key: str) -> str:
    """Return a key that every store takes. Raises ValueError: no part may be empty or begin with a point."""
    if len(key) > KEY_LENGTH_MAX or _KEY.fullmatch(key) is None:
        raise ValueError(f"{key!r} cannot be an object's key")
    return key


def checked_body(body: bytes) -> bytes:
    """Return a body that is not too large. Raises ValueError."""
    if len(body) > OBJECT_BYTES_MAX:
        raise ValueError(f"an object has at most {OBJECT_BYTES_MAX} bytes")
    return body


async def keep(objects: Objects, key: str, body: bytes) -> None:
    """Write an object, or see that the same one is there: a write whose answer was lost is done once.

    Raises ObjectDiffers, ObjectsAway.
    """
    try:
        await objects.create(key, body)
    except ObjectExists:
        if await objects.read(key) != body:
            raise ObjectDiffers(key) from None


async def all_listed(objects: Objects, folder: str) -> list[ObjectHead]:
    """Return everything below a folder, by key. Raises ObjectsAway."""
    found: list[ObjectHead] = []
    while True:
        page = await objects.listed(folder, found[-1].key if found else "")
        found += page
        if len(page) < LISTED_MAX:
            return found
