"""Servers for the tests: a real PostgreSQL and a real Valkey of this run's own, in a short temporary directory."""

import asyncio
import itertools
import secrets
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest
import redis

from openbourse.settings import ProcessSettings, VenueSettings
from openbourse.supervisor.postgres import Postgres
from openbourse.supervisor.processes import Plan
from openbourse.supervisor.valkey import Valkey

# The real program as processes, for every suite that trades with it.
pytest_plugins = ["tests.exchange", "tests.emulators"]

T = TypeVar("T")
# The longest files: whatever is begun last keeps all but one process waiting for its end.
BEGUN_FIRST = (
    "tests/engine/test_differential.py",
    "tests/sim/test_planted_defects.py",
    "tests/sim/test_differential.py",
    "tests/sim/test_compiled.py",
    "tests/archive/test_dropping.py",
    "tests/wiring/test_dropping.py",
    "tests/wiring/test_process.py",
    "tests/clients/test_clients.py",
    "tests/runbooks/test_runbooks.py",
)
# Whoever asks for one of these starts the whole program.
WHOLE_VENUES = {"exchange", "own_exchange"}
START_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 10.0
PASSWORD = secrets.token_hex(8)
# Tests lose nothing when the machine goes down; what survives a kill survives without fsync too.
TEST_CONFIGURATION = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that starts the whole program, which `make test` runs apart; put the longest files first."""
    ranks = {name: rank for rank, name in enumerate(BEGUN_FIRST)}
    items.sort(key=lambda item: ranks.get(item.nodeid.partition("::")[0], len(ranks)))
    for item in items:
        if WHOLE_VENUES & set(getattr(item, "fixturenames", ())):
            item.add_marker("system")


def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in a thread of its own, so that a fixture may be used inside a running loop."""
    results: list[T] = []
    thread = threading.Thread(target=lambda: results.append(asyncio.run(work)))
    thread.start()
    thread.join()
    assert results, "the work failed; its traceback is above"
    return results[0]


class RunningServer:
    """A server of a plan, started and stopped from plain code."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        with plan.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                plan.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=plan.environment,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS_MAX
        while not plan.is_ready(self.process.pid):
            assert self.process.poll() is None, plan.log_file.read_text()
            assert time.monotonic() < deadline, plan.log_file.read_text()
            time.sleep(0.01)

    def stop(self) -> None:
        for step, _seconds in self._plan.stop_steps:
            self.process.send_signal(step)
            try:
                self.process.wait(STOP_SECONDS_MAX)
                return
            except subprocess.TimeoutExpired:
                continue

    def kill(self) -> None:
        """kill -9, and clear up as the supervisor does before the next start."""
        self.process.kill()
        self.process.wait(STOP_SECONDS_MAX)
        self._plan.before_start()


class OwnPostgres:
    """A PostgreSQL of one test, to be killed and started again as it likes."""

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self._running: RunningServer | None = None

    @property
    def url(self) -> str:
        return self._server.url("postgres")

    def start(self, **configuration: str) -> None:
        plan = self._server.plan({"shared_buffers": "64MB", **configuration})
        plan.before_start()
        self._running = RunningServer(plan)

    def kill(self) -> None:
        assert self._running is not None
        self._running.kill()
        self._running = None

    def stop(self) -> None:
        if self._running is not None:
            self._running.stop()


class PostgresServer:
    """The run's PostgreSQL: gives out databases."""

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self._numbers = itertools.count(1)

    def create_database(self, template: str = "template1") -> str:
        """Return the URL of a fresh database, a copy of the template."""
        name = f"test_{next(self._numbers)}"
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self._server.url(name)

    def drop_database(self, url: str) -> None:
        """Remove a database, whoever is still connected."""
        name = url.split("@/", 1)[1].split("?", 1)[0]
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def execute(self, statement: str) -> None:
        """Run one statement outside of any test's database."""

        async def work() -> None:
            connection = await asyncpg.connect(self._server.url("postgres"))
            try:
                await connection.execute(statement)
            finally:
                await connection.close()

        run_apart(work())


@pytest.fixture(scope="session")
def server_dir() -> Iterator[Path]:
    """A short directory: the paths of unix sockets have 107 bytes at most."""
    directory = Path(tempfile.mkdtemp(prefix="obt-", dir="/tmp"))
    for name in ("run", "logs", "valkey"):
        (directory / name).mkdir()
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(server_dir: Path) -> Iterator[PostgresServer]:
    """The run's own PostgreSQL."""
    run_dir = server_dir / "run"
    server = Postgres(server_dir / "postgres", run_dir, run_dir, server_dir / "logs", secrets.token_hex(8))
    server.initialise()
    running = RunningServer(server.plan(TEST_CONFIGURATION))
    yield PostgresServer(server)
    running.stop()


@pytest.fixture(scope="session")
def cluster(server_dir: Path) -> Path:
    """A fresh cluster's directory, never started: copying it is much quicker than making another."""
    run_dir = server_dir / "run"
    server = Postgres(server_dir / "cluster", run_dir, run_dir, server_dir / "logs", PASSWORD)
    server.initialise()
    return server_dir / "cluster"


@pytest.fixture
def own_postgres(server_dir: Path, cluster: Path) -> Iterator[OwnPostgres]:
    """A second PostgreSQL, for this test alone, not started."""
    directory = server_dir / f"own-{secrets.token_hex(2)}"
    run_dir, log_dir = directory / "run", directory / "logs"
    for folder in (run_dir, log_dir):
        folder.mkdir(parents=True)
    shutil.copytree(cluster, directory / "postgres")
    server = Postgres(directory / "postgres", run_dir, run_dir, log_dir, PASSWORD)
    own = OwnPostgres(server)
    yield own
    own.stop()


@pytest.fixture
def database_url(postgres: PostgresServer) -> Iterator[str]:
    """A fresh, empty database for this test alone (projections, identity)."""
    url = postgres.create_database()
    yield url
    postgres.drop_database(url)


@pytest.fixture
def journal_url(postgres: PostgresServer) -> Iterator[str]:
    """A second fresh, empty database for this test alone (the journal)."""
    url = postgres.create_database()
    yield url
    postgres.drop_database(url)


@pytest.fixture(scope="session")
def valkey_server_url(server_dir: Path) -> Iterator[str]:
    """The run's own Valkey; tests take `valkey_url`, which is empty."""
    run_dir = server_dir / "run"
    server = Valkey(server_dir / "valkey", run_dir, run_dir, server_dir / "logs")
    running = RunningServer(server.plan())
    yield server.url
    running.stop()


@pytest.fixture
def valkey_url(valkey_server_url: str) -> str:
    """A Valkey with nothing in it."""
    connection = redis.Redis.from_url(valkey_server_url)
    connection.flushall()
    connection.close()
    return valkey_server_url


@pytest.fixture
def settings(tmp_path: Path, journal_url: str, database_url: str, valkey_url: str) -> ProcessSettings:
    """Settings of a process with stores of this test's own; the databases are empty, nothing is migrated."""
    key_file = tmp_path / "master.key"
    key_file.write_text(secrets.token_hex(32) + "\n")
    return replace(
        ProcessSettings(data_dir=tmp_path),
        journal_url=journal_url,
        database_url=database_url,
        valkey_url=valkey_url,
        port=0,
        master_key_file=key_file,
        venue=VenueSettings(test_funds=True),
    )
