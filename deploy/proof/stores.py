"""Runs inside the machine, as a service: PostgreSQL and Valkey of the release's wheels, for a venue that has no RDS here."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

from openbourse.settings import ProcessSettings
from openbourse.supervisor.layout import Layout
from openbourse.supervisor.stores import Stores


async def serve(folder: Path) -> None:
    """Serve until told to stop; `venue.env` in the directory says where."""
    layout = Layout(folder)
    layout.create()
    stores = Stores(layout)
    await asyncio.gather(stores.start_postgres(), stores.start_valkey())
    settings = stores.settings(ProcessSettings(data_dir=folder))
    wanted = ("JOURNAL_URL", "DATABASE_URL", "VALKEY_URL")
    values = {name: value for name, value in settings.environment().items() if name.endswith(wanted)}
    (folder / "venue.env").write_text("".join(f'{name}="{value}"\n' for name, value in values.items()))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await stores.stop()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
