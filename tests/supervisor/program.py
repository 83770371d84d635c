"""A small program that behaves like the roles do towards the supervisor: says that it is ready, serves, drains, ends."""

import asyncio
import os
import signal
import socket
import sys

from openbourse.settings import ProcessSettings, announce_ready, read_settings

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(ANSWER)
    await writer.drain()
    writer.close()


async def run(roles: list[str], settings: ProcessSettings) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    if settings.listen_fd is not None:
        await asyncio.start_server(answer, sock=socket.socket(fileno=os.dup(settings.listen_fd)))
    if roles[0] == os.environ.get("TEST_SLOW_ROLE"):
        await asyncio.sleep(2)
    announce_ready(settings)
    await stop.wait()
    postgres_file = settings.data_dir / "postgres" / "postmaster.pid"
    with (settings.data_dir / "stops.txt").open("a") as stops:
        stops.write(f"{roles[0]} postgres={'up' if postgres_file.exists() else 'down'}\n")


if __name__ == "__main__":
    if sys.argv[1] == "migrate":
        sys.exit(int(os.environ.get("TEST_MIGRATE_CODE", "0")))
    asyncio.run(run(sys.argv[2:], read_settings()))
