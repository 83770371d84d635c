"""A venue in this process for each test."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.served import Venue, served


@pytest_asyncio.fixture
async def venue() -> AsyncIterator[Venue]:
    async with served() as running:
        yield running
