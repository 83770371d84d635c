"""Word of removed keys: whoever may have missed some is told so."""

import asyncio
import contextlib

from openbourse.adapters.connection_valkey import open_client
from openbourse.adapters.identity_valkey import ValkeyKeyChannel


async def test_after_the_connection_broke_some_may_have_been_missed(valkey_url: str) -> None:
    valkey = open_client(valkey_url)
    channel, heard = ValkeyKeyChannel(valkey), asyncio.Queue[str | None]()
    listening = asyncio.create_task(channel.listen(heard.put_nowait))
    try:
        async with asyncio.timeout(10):
            assert await heard.get() is None
            await channel.announce("first")
            assert await heard.get() == "first"
            await valkey.client_kill_filter(_type="pubsub")
            assert await heard.get() is None
            while heard.empty():
                await channel.announce("second")
                await asyncio.sleep(0.05)
            assert (await heard.get()) in (None, "second")
    finally:
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listening
        await valkey.aclose()
