"""The venue in three zones: every part built, started in order, kept running, asked how it is."""

import asyncio
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import asyncpg

from chaos.asking import is_serving
from chaos.database import Database, new_servers, urls
from chaos.network import LoopbackNetwork, Network
from chaos.parts import Part, plain_environment, program
from chaos.places import (
    EDGE_PORT,
    EDGES,
    ENDPOINT,
    HISTORIES,
    INTAKE_PORT,
    IS_LOOPBACK,
    SEQUENCERS,
    VALKEY,
    VALKEY_PORT,
    Place,
    place_at,
    seen_from,
)
from chaos.shims import Clock, SlowDisk, build_slow_disk, find_faketime
from openbourse import wiring
from openbourse.roles import EDGE_ROLES
from openbourse.settings import ProcessSettings, VenueSettings
from openbourse.supervisor import binaries
from openbourse.wiring import CreatedAccount

START_S: Final = 90.0
KEEP_EVERY_S: Final = 0.1
STAYS_S: Final = 0.7
ASK_S: Final = 2.0
BETWEEN_ZONES_S: Final = 0.0005
"""Each way, so that a question and its answer take 1 ms between zones."""
ROOMY: Final = VenueSettings(request_weight_per_minute=1_000_000, orders_per_10s=100_000, orders_per_day=10_000_000)
_LEADER: Final = "SELECT address FROM journal.lease WHERE shard = 0 AND expires_at > clock_timestamp()"


class VenueFault(RuntimeError):
    """The venue did not come up, or did not come back."""


class Venue:
    """All parts of one run, under one directory."""

    def __init__(self, root: Path, form: str) -> None:
        self.root = root
        self.network = LoopbackNetwork(self._tell_relay) if IS_LOOPBACK else Network()
        self.notes: list[tuple[float, str]] = []
        self.skipped: list[str] = []
        self.clocks: dict[Place, Clock] = {}
        self.disks: dict[Place, SlowDisk] = {}
        self._password = secrets.token_hex(12)
        self._form = form
        self._relay: subprocess.Popen[bytes] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._slow_disk = build_slow_disk(root)
        self._faketime = find_faketime()
        if self._slow_disk is None:
            self.skipped.append("slow disk: no C compiler on this machine")
        if self._faketime is None:
            self.skipped.append("clock jumps: libfaketime is not installed")
        if IS_LOOPBACK:
            self.skipped.append("disk full: no namespaces, so no small disk of one's own")
        self.parts: dict[Place, Part] = {}
        self.database: Database

    async def start(self) -> None:
        """Build the zones and start everything; return when every edge serves. Raises VenueFault."""
        self.network.build()
        await asyncio.to_thread(self._start_relay)
        self._build_parts()
        servers = new_servers(self.root, self._password, self._disk_preload)
        self.database = Database(servers, self._move_endpoint, self.note)
        self.parts[VALKEY].start()
        await self.database.build(("journal", "venue"))
        await self._migrate()
        for place in (*SEQUENCERS, *HISTORIES, *EDGES):
            self.parts[place].start()
        self._tasks = [asyncio.create_task(self._keep()), asyncio.create_task(self.database.watch())]
        await self.restored(START_S)

    async def stop(self) -> None:
        """End everything that was started."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for part in self.parts.values():
            part.hold_down()
        for server in self.database.servers:
            await asyncio.to_thread(server.kill)
        if self._relay is not None:
            self._relay.kill()

    def note(self, text: str) -> None:
        """Write down what the kit has seen or done."""
        self.notes.append((time.monotonic(), text))

    def settings(self, source: Place | None = None) -> ProcessSettings:
        """Return what a process of the program is told at a place, or by the kit itself."""
        return ProcessSettings(
            data_dir=self.root / "data",
            journal_url=urls("journal", self._password, self._form, source),
            database_url=urls("venue", self._password, self._form, source),
            valkey_url=f"redis://{seen_from(source, VALKEY)}:{VALKEY_PORT}/0",
            master_key_file=self.root / "master.key",
            venue=ROOMY,
        )

    def own_settings(self) -> ProcessSettings:
        """Return the settings that lead to the present primary alone, for the kit's own reading."""
        primary = self.database.primary
        return replace(self.settings(), journal_url=primary.url("journal"), database_url=primary.url("venue"))

    def weather(self, delay_s: float = BETWEEN_ZONES_S, loss: float = 0.0) -> None:
        """Have streams between zones travel so from now on."""
        self._tell_relay({"delay_s": delay_s, "loss": loss})

    async def accounts(self, count: int, funds: Sequence[tuple[str, int]]) -> list[CreatedAccount]:
        """Make funded accounts with a key each."""
        return list(await wiring.create_accounts(self.settings(), count, funds, "chaos"))

    async def leader(self) -> Place | None:
        """Return where the sequencer is that leads now, if one does."""
        try:
            async with asyncio.timeout(ASK_S):
                connection = await asyncpg.connect(self.database.primary.url("journal"), timeout=ASK_S)
                try:
                    address = await connection.fetchval(_LEADER)
                finally:
                    connection.terminate()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return None
        return place_at(str(address).partition(":")[0]) if address else None

    async def missing(self, enough: bool = False) -> list[str]:
        """Return what keeps the venue from being whole: a part that does not serve, a standby that is not followed.

        With `enough` a part of each kind may be still coming back, as long as another one can take over.
        """
        away = [place for place, part in self.parts.items() if not part.is_ready]
        found = [place.name for place in away]
        if enough and len({place.kind for place in away}) == len(away):
            found = []
        if not self.database.is_whole:
            found.append("the database's standby")
        if found:
            return found
        if await self.leader() is None:
            return ["a leader"]
        asked = [place for place in EDGES if place not in away]
        answers = await asyncio.gather(*(is_serving(place.address, EDGE_PORT) for place in asked))
        return [f"{place.name} is not ready" for place, is_ready in zip(asked, answers, strict=True) if not is_ready]

    async def restored(self, seconds: float, enough: bool = False) -> float:
        """Return once the venue is whole and stays so; tell since when (monotonic). Raises VenueFault after a while."""
        limit = time.monotonic() + seconds
        since = 0.0
        while not since or time.monotonic() - since < STAYS_S:
            # A former leader that has just been let go ends only when it learns of it.
            missing = await self.missing(enough)
            since = 0.0 if missing else since or time.monotonic()
            if missing and time.monotonic() > limit:
                raise VenueFault(f"after {seconds:g} s still missing: {', '.join(missing)}")
            await asyncio.sleep(0.1)
        return since

    def _build_parts(self) -> None:
        master_key = self.root / "master.key"
        master_key.write_text(secrets.token_hex(32) + "\n")
        for place in SEQUENCERS:
            if self._faketime is not None:
                self.clocks[place] = Clock(self._faketime, self.root / f"{place.name}.clock")
            self._role(place, ("sequencer",), intake_host=place.address, intake_port=INTAKE_PORT)
        for place in EDGES:
            self._role(place, EDGE_ROLES, host=place.address, port=EDGE_PORT)
        for place in HISTORIES:
            self._role(place, ("history",))
        words = ("--bind", VALKEY.address, "--port", str(VALKEY_PORT), "--protected-mode", "no", "--save", "")
        argv = (str(binaries.valkey_server()), *words, "--appendonly", "no", "--maxmemory", "256mb")
        self.parts[VALKEY] = Part(
            VALKEY,
            (*argv, "--maxmemory-policy", "volatile-lru"),
            plain_environment(),
            self.root / f"{VALKEY.name}.log",
        )

    def _role(self, place: Place, roles: tuple[str, ...], **changes: object) -> None:
        ready_file = self.root / f"{place.name}.ready"
        data_dir = self.root / place.name
        data_dir.mkdir()
        settings = replace(self.settings(place), data_dir=data_dir, ready_file=ready_file, **changes)  # type: ignore[arg-type]
        environment = {**plain_environment(), **settings.environment()}
        self.parts[place] = Part(
            place,
            program("run", *roles),
            environment,
            self.root / f"{place.name}.log",
            ready_file,
            before_start=self._unready(place, ready_file),
            preload=self.clocks[place].environment if place in self.clocks else {},
        )

    def _unready(self, place: Place, ready_file: Path) -> Callable[[], None]:
        def clear() -> None:
            ready_file.unlink(missing_ok=True)
            if place in self.clocks:
                # A machine that starts has set its clock.
                self.clocks[place].set(0.0)

        return clear

    def _disk_preload(self, place: Place) -> dict[str, str]:
        if self._slow_disk is None:
            return {}
        self.disks[place] = SlowDisk(self._slow_disk, self.root / f"{place.name}.slow")
        return self.disks[place].environment

    def _start_relay(self) -> None:
        self._relay = subprocess.Popen(
            (sys.executable, "-m", "chaos.relay"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        assert self._relay.stdout is not None
        if self._relay.stdout.readline() != b"ready\n":
            raise VenueFault("the relay between the zones did not start")
        self.weather()

    def _tell_relay(self, told: dict[str, object]) -> None:
        assert self._relay is not None
        assert self._relay.stdin is not None
        self._relay.stdin.write(json.dumps(told).encode() + b"\n")
        self._relay.stdin.flush()

    def _move_endpoint(self, address: str) -> None:
        self._tell_relay({"moved": {ENDPOINT: address}})

    async def _migrate(self) -> None:
        environment = {**plain_environment(), **self.own_settings().environment()}
        process = await asyncio.create_subprocess_exec(
            *program("migrate"), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        out, _ = await process.communicate()
        if process.returncode != 0:
            raise VenueFault(f"the migrations failed: {out.decode(errors='replace')[-2_000:]}")

    async def _keep(self) -> None:
        """Start again what has ended, as a container service would."""
        while True:
            await asyncio.sleep(KEEP_EVERY_S)
            for part in self.parts.values():
                if part.keep():
                    self.note(f"{part.name} is started again")
