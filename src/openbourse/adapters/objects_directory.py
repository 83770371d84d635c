"""Objects as files of a directory: for a machine without AWS, and for tests."""

import asyncio
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from openbourse.objects import (
    LISTED_MAX,
    ObjectExists,
    ObjectHead,
    ObjectMissing,
    ObjectsAway,
    checked_body,
    checked_key,
)

PARTIAL_PREFIX = ".partial-"
"""No key begins so: what a crash left half written is never listed."""


class DirectoryObjects:
    """Fits objects.Objects. What `create` has returned from is on the disk."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def create(self, key: str, body: bytes) -> None:
        """Write a file, whole or not at all. Raises ObjectExists, ObjectsAway."""
        await asyncio.to_thread(self._create, self._root / checked_key(key), checked_body(body))

    async def read(self, key: str) -> bytes:
        """Return a file's bytes. Raises ObjectMissing, ObjectsAway."""
        return await asyncio.to_thread(self._read, self._root / checked_key(key))

    async def listed(self, folder: str, after: str = "") -> list[ObjectHead]:
        """Return files below a folder whose keys come after one, by key. Raises ObjectsAway."""
        return await asyncio.to_thread(self._listed, checked_key(folder), after)

    def _create(self, path: Path, body: bytes) -> None:
        partial = path.with_name(PARTIAL_PREFIX + secrets.token_hex(8))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with partial.open("xb") as file:
                    file.write(body)
                    file.flush()
                    os.fsync(file.fileno())
                # A link, unlike a rename, does not replace what is there.
                _link(partial, path, self._root)
            finally:
                partial.unlink(missing_ok=True)
            _sync_folders(path.parent, self._root)
        except OSError as fault:
            raise ObjectsAway(f"{self._root}: {fault.strerror or fault}") from fault

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise ObjectMissing(path.relative_to(self._root).as_posix()) from None
        except OSError as fault:
            raise ObjectsAway(f"{self._root}: {fault.strerror or fault}") from fault

    def _listed(self, folder: str, after: str) -> list[ObjectHead]:
        try:
            found = sorted(key for key in self._keys(folder) if key > after)[:LISTED_MAX]
            return [ObjectHead(key, (self._root / key).stat().st_size) for key in found]
        except OSError as fault:
            raise ObjectsAway(f"{self._root}: {fault.strerror or fault}") from fault

    def _keys(self, folder: str) -> Iterator[str]:
        for directory, _, names in os.walk(self._root / folder):
            for name in names:
                if not name.startswith(PARTIAL_PREFIX):
                    yield Path(directory, name).relative_to(self._root).as_posix()


def _link(partial: Path, path: Path, root: Path) -> None:
    try:
        os.link(partial, path)
    except FileExistsError:
        raise ObjectExists(path.relative_to(root).as_posix()) from None


def _sync_folders(folder: Path, root: Path) -> None:
    """Have the new name, and the names of folders that may be new, on the disk."""
    while True:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if folder == root or folder == folder.parent:
            return
        folder = folder.parent
