"""Objects in memory: the twin that keeps the adapters' suite honest."""

from openbourse.objects import (
    LISTED_MAX,
    ObjectExists,
    ObjectHead,
    ObjectMissing,
    ObjectsAway,
    checked_body,
    checked_key,
)


class MemoryObjects:
    """Fits objects.Objects; `is_away` makes it unreachable."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.is_away = False

    async def create(self, key: str, body: bytes) -> None:
        """Keep a body."""
        self._reach()
        if checked_key(key) in self.bodies:
            raise ObjectExists(key)
        self.bodies[key] = checked_body(body)

    async def read(self, key: str) -> bytes:
        """Return a body."""
        self._reach()
        if checked_key(key) not in self.bodies:
            raise ObjectMissing(key)
        return self.bodies[key]

    async def listed(self, folder: str, after: str = "") -> list[ObjectHead]:
        """Return what is below a folder, by key."""
        self._reach()
        found = sorted(key for key in self.bodies if key.startswith(checked_key(folder) + "/") and key > after)
        return [ObjectHead(key, len(self.bodies[key])) for key in found[:LISTED_MAX]]

    def _reach(self) -> None:
        if self.is_away:
            raise ObjectsAway("the test says so")
