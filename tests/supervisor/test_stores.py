"""Commands reach the data of a stopped exchange through its PostgreSQL alone."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from openbourse.supervisor.layout import Layout, is_claimed
from openbourse.supervisor.orphans import postgres_pids
from openbourse.supervisor.stores import Stores, find_running, open_stores


@pytest.fixture
def layout() -> Iterator[Layout]:
    directory = Path(tempfile.mkdtemp(prefix="obs-", dir="/tmp"))
    yield Layout(directory)
    shutil.rmtree(directory, ignore_errors=True)


async def test_a_stopped_exchanges_journal_is_opened_and_closed_again(layout: Layout) -> None:
    layout.create()
    stores = Stores(layout)
    await stores.start_postgres()
    await stores.stop()
    assert find_running(layout.data_dir) is None
    async with open_stores(layout.data_dir) as settings:
        assert is_claimed(layout)
        connection = await asyncpg.connect(settings.journal_url)
        assert await connection.fetchval("SHOW fsync") == "on"
        assert await connection.fetchval("SHOW synchronous_commit") == "on"
        assert await connection.fetchval("SELECT current_database()") == "journal"
        await connection.close()
    assert not postgres_pids(layout.postgres_dir)
    assert not is_claimed(layout)


async def test_a_directory_without_an_exchange_is_refused_and_left_alone(layout: Layout) -> None:
    with pytest.raises(FileNotFoundError, match="--data DIR"):
        async with open_stores(layout.data_dir / "nothing"):
            pass
    assert not (layout.data_dir / "nothing").exists()
