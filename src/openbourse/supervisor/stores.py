"""The two embedded servers together, and the way to the journal for commands that need no running exchange."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from openbourse.settings import ProcessSettings, read_settings
from openbourse.supervisor import orphans, postgres
from openbourse.supervisor.layout import Claim, Layout, read_venue_file
from openbourse.supervisor.postgres import Postgres
from openbourse.supervisor.processes import Child
from openbourse.supervisor.valkey import Valkey

JOURNAL_DATABASE = "journal"
VENUE_DATABASE = "venue"


def silent(_text: str) -> None:
    """Take a notice and say nothing."""


class Stores:
    """PostgreSQL and Valkey of one data directory."""

    def __init__(self, layout: Layout, notice: Callable[[str], None] = silent) -> None:
        socket_dir = layout.socket_dir()
        self._layout = layout
        self._postgres = Postgres(
            layout.postgres_dir, socket_dir, layout.run_dir, layout.log_dir, layout.secret("postgres.password", 24)
        )
        self._valkey = Valkey(layout.valkey_dir, socket_dir, layout.run_dir, layout.log_dir)
        self._notice = notice
        self.children: list[Child] = []

    async def start_postgres(self) -> None:
        """Start PostgreSQL, made first if this is the first time, with both databases in it."""
        await postgres.initialise(self._postgres)
        await self._start(Child(self._postgres.plan(), self._notice))
        await self._postgres.ensure_databases(JOURNAL_DATABASE, VENUE_DATABASE)

    async def start_valkey(self) -> None:
        """Start Valkey, empty."""
        await self._start(Child(self._valkey.plan(), self._notice))

    async def stop(self) -> None:
        """Stop what was started, the last started first; PostgreSQL is always the last to go."""
        for child in sorted(self.children, key=lambda child: child.plan.name == "postgres"):
            await child.stop()

    def settings(self, base: ProcessSettings) -> ProcessSettings:
        """Return the settings with the addresses and the secrets of these servers in them."""
        self._layout.secret("master.key")
        return replace(
            base,
            data_dir=self._layout.data_dir,
            journal_url=self._postgres.url(JOURNAL_DATABASE),
            database_url=self._postgres.url(VENUE_DATABASE),
            valkey_url=self._valkey.url,
            master_key_file=base.master_key_file or self._layout.secrets_dir / "master.key",
        )

    async def _start(self, child: Child) -> None:
        self.children.append(child)
        await child.start()


def find_running(data_dir: Path) -> ProcessSettings | None:
    """Return the settings of the exchange that runs on this data directory, if one does."""
    environment = read_venue_file(Layout(data_dir.absolute()))
    return None if environment is None else read_settings(environment)


def clear_orphans(layout: Layout) -> list[str]:
    """End what a crash left behind; return the names of what was found."""
    return orphans.end_orphans(layout.run_dir, layout.postgres_dir, layout.socket_dir())


@asynccontextmanager
async def open_stores(data_dir: Path) -> AsyncIterator[ProcessSettings]:
    """Give settings that reach the data: of the running exchange, or of its PostgreSQL started for this purpose alone.

    Raise FileNotFoundError when there is no exchange's data in the directory. Without a running exchange Valkey is
    not there; nobody may need it.
    """
    layout = Layout(data_dir.absolute())
    running = find_running(layout.data_dir)
    if running is not None:
        yield running
        return
    if not layout.postgres_dir.exists():
        raise FileNotFoundError(f"There is no exchange's data in {layout.data_dir}; say where it is with --data DIR.")
    claim = Claim(layout)
    stores = Stores(layout)
    try:
        await asyncio.to_thread(clear_orphans, layout)
        await stores.start_postgres()
        yield stores.settings(read_settings())
    finally:
        await stores.stop()
        claim.release()
