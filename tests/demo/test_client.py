"""The demo's way to the venue: an address of its own, so that its weight is not the newcomer's."""

from openbourse.demo.client import Client, own_address
from tests.served import served


async def test_what_the_demo_asks_for_does_not_count_for_who_tries_the_venue() -> None:
    async with served() as venue:
        client = Client(f"http://127.0.0.1:{venue.port}")
        await client.public("exchangeInfo")
        await client.close()
        mine = await venue.http.get("/api/v3/ping")
    assert mine.headers["X-MBX-USED-WEIGHT-1M"] == "1"


def test_only_a_venue_on_this_machine_is_called_from_a_loopback_address() -> None:
    assert own_address("http://127.0.0.1:8000") == "127.0.0.2"
    assert own_address("http://192.0.2.7:8000") is None
    assert own_address("http://[::1]:8000") is None
    assert own_address("http://localhost:8000") is None
