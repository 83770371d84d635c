"""Where the heavy questions of history go: to a read replica that has all that is committed, else to the primary."""

import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol, TypeVar

import structlog

from openbourse.history.barrier import ReadBarrier
from openbourse.history.store import Store

log: Final = structlog.get_logger()
T = TypeVar("T")

BEHIND_S: Final = 0.25
"""How long a question waits for a replica that is behind; the primary answers it then."""
REST_S: Final = 5.0
"""For how long the primary answers everything once a replica was away or behind; one question tries it then."""


class Replica(Protocol):
    """What lends connections to a replica; what it and they raise when anything is wrong is an OSError."""

    def acquire(self) -> AbstractAsyncContextManager[Any]:
        """Lend a connection."""
        ...


class Answers:
    """Who answered pages of the past, counted of one process."""

    def __init__(self) -> None:
        self.pages = 0
        self.by_primary = 0
        """Of these, where a replica should have: it was away, behind, or at rest for that."""

    def values(self) -> dict[str, int]:
        """Return them by the names of monitor/slo.py."""
        return {"pages": self.pages, "pages_by_primary": self.by_primary}


class Reader:
    """Answers questions from rows that have all that was committed when they were asked.

    The replica's own cursor is read on the connection that answers: behind one name may be several replicas, each as far
    as it is.
    """

    def __init__(
        self, store: Store, barrier: ReadBarrier, replica: Replica | None = None, answers: Answers | None = None
    ) -> None:
        self._answers = answers or Answers()
        self._store = store
        self._barrier = barrier
        self._replica = replica
        self._rests_until = 0.0

    async def ask(self, question: Callable[[Store], Awaitable[T]]) -> T:
        """Return the answer. Raises ApiError -1007 when even the primary's rows are behind for too long."""
        wanted = await self._barrier.committed()
        if self._replica is not None and self._may_try():
            try:
                async with self._replica.acquire() as connection:
                    near = Store(connection)
                    if await self._barrier.reaches(near.cursor, wanted, BEHIND_S):
                        answer = await question(near)
                        self._rests_until = 0.0
                        self._answers.pages += 1
                        return answer
                why = f"behind for {BEHIND_S:g} s"
            except OSError as fault:
                why = str(fault)
            self._rests_until = time.monotonic() + REST_S
            log.warning("the primary answers for the replica", why=why, seconds=REST_S)
        await self._barrier.wait(wanted)
        answer = await question(self._store)
        self._answers.pages += 1
        self._answers.by_primary += self._replica is not None
        return answer

    def _may_try(self) -> bool:
        now = time.monotonic()
        if now < self._rests_until:
            return False
        if self._rests_until:
            self._rests_until = now + REST_S  # the others wait for what this one finds
        return True
