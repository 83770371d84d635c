"""The fixtures keep what they promise: fresh databases, an empty Valkey."""

import asyncpg
import redis.asyncio

from openbourse.settings import ProcessSettings
from tests.conftest import BEGUN_FIRST
from tests.test_tidy import ROOT


async def test_each_test_has_two_databases_of_its_own(journal_url: str, database_url: str) -> None:
    assert journal_url != database_url
    for url in (journal_url, database_url):
        connection = await asyncpg.connect(url)
        assert (
            await connection.fetchval("SELECT count(*) FROM information_schema.tables WHERE table_schema='public'") == 0
        )
        await connection.close()


async def test_valkey_is_empty(valkey_url: str) -> None:
    client = redis.asyncio.from_url(valkey_url)
    assert await client.dbsize() == 0
    await client.set("left", "over")
    await client.aclose()


async def test_valkey_is_empty_again(valkey_url: str) -> None:
    client = redis.asyncio.from_url(valkey_url)
    assert await client.dbsize() == 0
    await client.aclose()


def test_files_that_are_begun_first_are_there() -> None:
    assert [name for name in BEGUN_FIRST if not (ROOT / name).is_file()] == []


def test_secrets_never_appear_when_settings_are_shown(settings: ProcessSettings) -> None:
    assert "postgresql" not in repr(settings)
    assert "unix:" not in repr(settings)
