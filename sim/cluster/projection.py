"""A simulated database of projections: rows and cursor in one transaction, the newest of which a crash may forget."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

from openbourse.protocol.events import Event
from sim.cluster.world import World

TRANSACTION_S: Final = (0.0005, 0.004)
FORGOTTEN_MAX: Final = 3
ROWS: Final = "INSERT INTO rows"
Row = tuple[int, int, str]


@dataclass(frozen=True)
class Commit:
    """What one transaction left."""

    cursor: int
    rows: tuple[Row, ...]


@dataclass
class Draft:
    """What a transaction has done so far."""

    cursor: int
    rows: list[Row] = field(default_factory=list)


class ProjectionDatabase:
    """Committed transactions, oldest first."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.commits: list[Commit] = []
        self.life = 0
        self.is_up = True
        self._chance = world.chance("projection")

    @property
    def cursor(self) -> int:
        """Return how far the rows go."""
        return self.commits[-1].cursor if self.commits else 0

    def rows(self) -> list[Row]:
        """Return all rows in the order in which they were written."""
        return [row for commit in self.commits for row in commit.rows]

    def crash(self) -> None:
        """Forget the newest commits, which did not wait for the disk, and every connection."""
        self.life += 1
        forgotten = self._chance.randint(0, FORGOTTEN_MAX)
        if forgotten:
            del self.commits[-forgotten:]
        self.world.note("projection", f"database restarts at {self.cursor}")

    def wait_s(self) -> float:
        """Return how long the next statement takes."""
        return self._chance.uniform(*TRANSACTION_S)


class ProjectionConnection:
    """A connection in a transaction: fits what the runner and a projector use."""

    def __init__(self, database: ProjectionDatabase) -> None:
        self._database = database
        self._life = database.life
        self._draft = Draft(database.cursor)

    async def _work(self) -> None:
        await asyncio.sleep(self._database.wait_s())

    def _check(self) -> None:
        # The pool connects again without a word, as a real one does: only a transaction under way is lost.
        if self._life != self._database.life or not self._database.is_up:
            raise ConnectionError("the database of projections was restarted")

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Commit what the block did, if it ends well."""
        yield
        await self._work()
        self._check()
        self._database.commits.append(Commit(self._draft.cursor, tuple(self._draft.rows)))

    async def execute(self, statement: str) -> None:
        """Take in a setting."""
        self._check()

    async def fetchval(self, statement: str, cursor: int, standing: int) -> bool:
        """Move the cursor, if it stands where it should."""
        await self._work()
        self._check()
        if self._database.cursor != standing:
            return False
        self._draft.cursor = cursor
        return True

    async def executemany(self, statement: str, rows: list[Row]) -> None:
        """Add rows."""
        await self._work()
        self._check()
        assert statement == ROWS, "the one statement of the simulated projector"
        self._draft.rows.extend(rows)


class ProjectionPool:
    """Lends connections."""

    def __init__(self, database: ProjectionDatabase) -> None:
        self._database = database

    @contextlib.asynccontextmanager
    async def acquire(self) -> AsyncIterator[ProjectionConnection]:
        """Lend a connection. Raises ConnectionError."""
        if not self._database.is_up:
            raise ConnectionError("the database of projections is not there")
        yield ProjectionConnection(self._database)


class RowProjector:
    """Writes one row for each event: a row that is lost or doubled shows."""

    def __init__(self) -> None:
        self._rows: list[Row] = []

    def take(self, event: Event, time_us: int) -> None:
        """Fold one event."""
        self._rows.append((event.sequence, event.index, type(event).__name__))

    async def write(self, connection: Any) -> None:
        """Write what was gathered, and forget it."""
        if self._rows:
            await connection.executemany(ROWS, self._rows)
        self._rows = []
