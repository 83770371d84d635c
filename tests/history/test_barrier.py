"""A private read waits for the caller's own writes."""

import pytest

from openbourse.edge.errors import ApiError
from openbourse.history import barrier
from openbourse.history.barrier import ReadBarrier


async def test_it_waits_until_the_rows_have_what_is_committed() -> None:
    cursors = iter([3, 4, 7])
    asked: list[int] = []

    async def committed() -> int:
        return 6

    async def cursor() -> int:
        asked.append(next(cursors))
        return asked[-1]

    await ReadBarrier(committed, cursor).wait()
    assert asked == [3, 4, 7]


async def test_it_gives_up_with_a_clear_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(barrier, "WAIT_S", 0.05)

    async def committed() -> int:
        return 6

    async def cursor() -> int:
        return 5

    with pytest.raises(ApiError) as raised:
        await ReadBarrier(committed, cursor).wait()
    assert (raised.value.code, raised.value.status) == (-1007, 503)
