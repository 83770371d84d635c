"""A process without a public port answers probes on one of its own, and nothing else."""

import asyncio
from collections.abc import Mapping

import httpx

from openbourse.monitor.api import Monitor
from openbourse.monitor.health import Health
from openbourse.monitor.metrics import Metrics
from openbourse.wiring.probes import answering


async def nothing_left() -> Mapping[str, bytes]:
    return {}


async def test_probes_and_scrapers_are_answered() -> None:
    wrong = ["not all roles serve yet"]
    stop = asyncio.Event()

    async def begun() -> str:
        return wrong[0]

    monitor = Monitor(
        Health({"roles": begun}, list), Metrics({"archive": lambda: {"segments": 3}}, nothing_left), None, stop.is_set
    )
    async with (
        answering(monitor, "127.0.0.1", 0) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
    ):
        assert (await http.get("/health/live")).status_code == 200
        assert (await http.get("/health/ready")).status_code == 503
        wrong[0] = ""
        assert (await http.get("/health/ready")).status_code == 200
        assert "openbourse_archive_segments 3.0" in (await http.get("/metrics")).text
        assert (await http.get("/metrics", headers={"X-Forwarded-For": "203.0.113.7"})).status_code == 404
        assert (await http.get("/anything")).status_code == 404
        assert (await http.post("/health/live")).status_code == 404
        stop.set()
        assert (await http.get("/health/ready")).status_code == 503


async def test_who_asks_nothing_or_too_much_is_hung_up_on() -> None:
    monitor = Monitor(Health({}, list), Metrics({}, nothing_left), None)
    async with answering(monitor, "127.0.0.1", 0) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nx: " + b"y" * 20_000)
        try:
            assert await reader.read() == b""
        except ConnectionError:
            pass
        writer.close()
