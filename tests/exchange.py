"""The real program for tests: `openbourse up` as processes on a free port, and a signed client to talk to it."""

import hashlib
import hmac
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

START_SECONDS_MAX = 150.0
STOP_SECONDS_MAX = 40.0
ASK_SECONDS_MAX = 60.0
# Nothing is encrypted here, and to read the machine's certificates for each client would take more time than most requests.
UNENCRYPTED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
# The suites place far more orders than one person's account is allowed to.
ROOMY_LIMITS = {
    "OPENBOURSE_REQUEST_WEIGHT_PER_MINUTE": "1000000",
    "OPENBOURSE_ORDERS_PER_10S": "100000",
    "OPENBOURSE_ORDERS_PER_DAY": "10000000",
}


@dataclass(frozen=True)
class Account:
    """A funded user with one API key."""

    email: str
    account_id: int
    api_key: str
    secret_key: str


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Exchange:
    """One venue on this machine; `start`, `stop` and `start` again keep its data."""

    data_dir: Path
    port: int = field(default_factory=free_port)
    options: tuple[str, ...] = ("--no-demo",)
    environment: dict[str, str] = field(default_factory=lambda: dict(ROOMY_LIMITS))
    process: subprocess.Popen[bytes] | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def command(self, *words: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Run `openbourse WORDS` and return how it ended."""
        return subprocess.run(
            [sys.executable, "-m", "openbourse", *words],
            capture_output=True,
            text=True,
            timeout=seconds,
            env={**os.environ, **self.environment},
            check=False,
        )

    def start(self) -> None:
        log = (self.data_dir.parent / "up.log").open("ab")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "openbourse", "up"),
                *("--data", str(self.data_dir), "--port", str(self.port), *self.options),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **self.environment},
            start_new_session=True,
        )
        log.close()
        self.await_ready()

    def await_ready(self, seconds: float = START_SECONDS_MAX) -> None:
        """Wait until the exchange says that it serves."""
        deadline = time.monotonic() + seconds
        while True:
            assert self.process is None or self.process.poll() is None, self.log()
            try:
                if httpx.get(f"{self.base_url}/health/ready", timeout=2, verify=UNENCRYPTED).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            assert time.monotonic() < deadline, f"not ready after {seconds:g} s\n{self.log()}"
            time.sleep(0.1)

    def log(self) -> str:
        return (self.data_dir.parent / "up.log").read_text()[-4_000:]

    def stop(self) -> int:
        """Stop it as Ctrl-C does; return the exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(STOP_SECONDS_MAX)
        self.process = None
        return code

    def pids(self) -> dict[str, list[int]]:
        """Return the venue's processes by what they are, found by its data directory in their environment or command."""
        found: dict[str, list[int]] = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
                environment = (entry / "environ").read_bytes().decode(errors="replace")
            except OSError:
                continue
            line = " ".join(words)
            if str(self.data_dir) not in line and f"OPENBOURSE_DATA={self.data_dir}\0" not in environment:
                continue
            found.setdefault(_role_of(line), []).append(int(entry.name))
        return found

    def kill(self, what: str) -> list[int]:
        """kill -9 every process of one kind ("sequencer", "edge", "history", "postgres", "valkey", "supervisor")."""
        pids = self.pids().get(what, [])
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return pids

    def kill_everything(self) -> None:
        """kill -9 of every process at once, the supervisor first so that it restarts nothing."""
        for what in ("supervisor", "sequencer", "edge", "history", "workers", "demo", "postgres", "valkey", "other"):
            self.kill(what)
        if self.process is not None:
            self.process.wait(10)
            self.process = None

    def account(self, email: str, *, may_withdraw: bool = False, **funds: str) -> Account:
        """Make a funded account through the command line."""
        words = [word for asset, amount in funds.items() for word in ("--fund", f"{asset}={amount}")]
        words += ["--withdraw"] if may_withdraw else []
        done = self.command("account", "create", "--email", email, *words, "--data", str(self.data_dir), "--json")
        assert done.returncode == 0, done.stderr
        made = json.loads(done.stdout)
        return Account(made["email"], made["accountId"], made["apiKey"], made["secretKey"])

    def verify(self) -> subprocess.CompletedProcess[str]:
        """Run `openbourse verify` on the data directory."""
        return self.command("verify", "--data", str(self.data_dir))

    def client(self, account: Account | None = None) -> "Client":
        """Return a blocking REST client."""
        return Client(self.base_url, account)


def _role_of(line: str) -> str:
    if " run " in line:
        for role, name in (
            ("sequencer", "sequencer"),
            ("gateway", "edge"),
            ("history", "history"),
            ("archive", "workers"),
            ("demo", "demo"),
        ):
            if f" {role}" in line:
                return name
    if "postgres" in line:
        return "postgres"
    if "valkey" in line or "redis" in line:
        return "valkey"
    return "supervisor" if " up " in line else "other"


class Client:
    """Signs and sends REST requests as Binance's documentation says."""

    def __init__(self, base_url: str, account: Account | None) -> None:
        self._http = httpx.Client(base_url=base_url, timeout=10, verify=UNENCRYPTED)
        self._account = account

    def request(self, method: str, path: str, **params: object) -> httpx.Response:
        return self._http.request(method, path, params={k: str(v) for k, v in params.items()})

    def signed(self, method: str, path: str, **params: object) -> httpx.Response:
        assert self._account is not None
        query = sign(self._account, params)
        return self._http.request(method, f"{path}?{query}", headers={"X-MBX-APIKEY": self._account.api_key})

    def told(self, method: str, path: str, **confidential: object) -> httpx.Response:
        """Send a signed request whose parameters are in the body, as passwords and codes must be."""
        assert self._account is not None
        headers = {"X-MBX-APIKEY": self._account.api_key, "Content-Type": "application/x-www-form-urlencoded"}
        return self._http.request(method, path, content=sign(self._account, confidential), headers=headers)

    def ask(self, path: str, **params: object) -> httpx.Response:
        """Ask a signed question, again while the venue says "try again" (503): its disk may be busy after a fault."""
        deadline = time.monotonic() + ASK_SECONDS_MAX
        while True:
            answer = self.signed("GET", path, **params)
            if answer.status_code != 503 or time.monotonic() > deadline:
                return answer
            time.sleep(0.2)

    def get(self, path: str, **params: object) -> Any:
        answer = self.request("GET", path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def place(self, **params: object) -> Any:
        answer = self.signed("POST", "/api/v3/order", **params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def balances(self) -> dict[str, tuple[str, str]]:
        answer = self.ask("/api/v3/account", omitZeroBalances="true")
        assert answer.status_code == 200, answer.text
        return {row["asset"]: (row["free"], row["locked"]) for row in answer.json()["balances"]}


def sign(account: Account, params: Mapping[str, object]) -> str:
    """Return the query string with timestamp and signature."""
    query = urlencode({**params, "timestamp": time.time_ns() // 1_000_000})
    return f"{query}&signature={hmac.new(account.secret_key.encode(), query.encode(), hashlib.sha256).hexdigest()}"


def new_exchange(**changes: Any) -> Exchange:
    """Return a venue on a fresh data directory in a short path, not started."""
    directory = Path(tempfile.mkdtemp(prefix="obx-", dir="/tmp"))
    return Exchange(directory / "data", **changes)


def discard(exchange: Exchange) -> None:
    """End whatever still runs and remove the data."""
    if exchange.process is not None:
        try:
            exchange.stop()
        except subprocess.TimeoutExpired:
            pass
    exchange.kill_everything()
    shutil.rmtree(exchange.data_dir.parent, ignore_errors=True)


@pytest.fixture(scope="session")
def exchange() -> Iterator[Exchange]:
    """A running venue without demo, shared by the suites: each test uses accounts of its own."""
    venue = new_exchange()
    try:
        venue.start()
        yield venue
    finally:
        # Also when it did not come up in time: it would go on for ever and take the machine from what comes next.
        discard(venue)


@pytest.fixture
def own_exchange() -> Iterator[Exchange]:
    """A running venue of this test alone, to be killed as it likes."""
    venue = new_exchange()
    try:
        venue.start()
        yield venue
    finally:
        # Also when it did not come up in time: it would go on for ever and take the machine from what comes next.
        discard(venue)
