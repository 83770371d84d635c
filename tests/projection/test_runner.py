"""Projections can be dropped and rebuilt to the same rows, however the batches were grouped."""

import asyncio
import contextlib

import asyncpg
import pytest

from openbourse.history.projector import HistoryProjector
from openbourse.history.store import Store
from openbourse.marketdata.projector import MarketProjector
from openbourse.projection.runner import CursorMoved, run
from tests.projection.recorded import Recorded, make_tables, read_rows


class Finished(Exception):
    """Ends a run that has come to the end of its feed."""


async def project(pool: asyncpg.Pool, feed: Recorded) -> dict[str, list[tuple[object, ...]]]:
    await make_tables(pool)
    done = asyncio.Event()
    last = feed.batches[-1].last_sequence

    async def committed(sequence: int) -> None:
        if sequence == last:
            done.set()

    task = asyncio.create_task(run(feed, pool, [HistoryProjector(), MarketProjector()], 0, committed))
    await asyncio.wait_for(done.wait(), 30)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return await read_rows(pool)


async def test_a_rebuilt_projection_has_the_same_rows(database_url: str) -> None:
    async with asyncpg.create_pool(database_url, min_size=1, max_size=2) as pool:
        first = await project(pool, Recorded(1))
        again = await project(pool, Recorded(50))
    assert first == again
    assert all(first.values()), "every table has rows"


async def test_rows_that_the_database_lost_are_written_again(database_url: str) -> None:
    """The database may forget its newest commits when it is killed; what is in flight then must not step over them."""
    async with asyncpg.create_pool(database_url, min_size=1, max_size=2) as pool:
        whole = await project(pool, Recorded(1))
        await make_tables(pool)
        feed, last = Recorded(1), Recorded(1).batches[-1].last_sequence
        feed.until = last // 2
        lost = 0

        async def committed(sequence: int) -> None:
            nonlocal lost
            if sequence == feed.until and not lost:
                # Everything committed so far is gone, as after a crash.
                await make_tables(pool)
                lost, feed.until = sequence, None
            elif sequence == last:
                raise Finished

        with pytest.raises(ExceptionGroup) as first:
            await run(feed, pool, [HistoryProjector(), MarketProjector()], 0, committed)
        assert first.value.subgroup(CursorMoved), "nothing is written over a gap"
        assert await Store(pool).cursor() == 0
        with pytest.raises(ExceptionGroup) as second:
            await run(feed, pool, [HistoryProjector(), MarketProjector()], await Store(pool).cursor(), committed)
        assert second.value.subgroup(Finished)
        assert lost
        assert await read_rows(pool) == whole


async def test_of_two_workers_at_once_one_writes(database_url: str) -> None:
    async with asyncpg.create_pool(database_url, min_size=1, max_size=4) as pool:
        whole = await project(pool, Recorded(1))
        await make_tables(pool)
        last = Recorded(1).batches[-1].last_sequence

        async def committed(sequence: int) -> None:
            if sequence == last:
                raise Finished

        workers = [run(Recorded(1), pool, [HistoryProjector(), MarketProjector()], 0, committed) for _ in range(2)]
        ends = await asyncio.gather(*workers, return_exceptions=True)
        kinds = {type(fault) for end in ends if isinstance(end, ExceptionGroup) for fault in end.exceptions}
        assert kinds == {Finished, CursorMoved}
        assert await read_rows(pool) == whole
