"""The runbook for Valkey's token, run as it stands on two processes that trade meanwhile."""

import contextlib
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import redis

from openbourse import wiring
from openbourse.protocol.amounts import UNIT
from openbourse.settings import ProcessSettings
from tests.conftest import run_apart
from tests.exchange import ROOMY_LIMITS, Account, Client, free_port
from tests.runbooks.test_runbooks import commands, run

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]
PAGE = "leaked-credential.md"
ROLES = "sequencer history gateway identity monitor"
EVERY_S = 0.1
BACK_S = 20.0
# A process is gone when it has no command line any more: one that nobody has waited for keeps its number.
FUNCTIONS = f"""
start_process() {{
  OPENBOURSE_PORT=$1 OPENBOURSE_VALKEY_URL=$2 nohup openbourse run {ROLES} >> "$DIR/$1.log" 2>&1 < /dev/null &
  echo $! > "$DIR/$1.pid"
  for i in $(seq 300); do curl --fail --silent --max-time 2 "http://127.0.0.1:$1/health/ready" > "$DIR/$1.ready" && return; sleep 0.2; done
  cat "$DIR/$1.log"; return 1
}}
roll_processes() {{
  for port in $PORTS; do
    kill -TERM "$(cat "$DIR/$port.pid")"
    while grep -q . "/proc/$(cat "$DIR/$port.pid")/cmdline" 2> "$DIR/gone"; do sleep 0.1; done
    start_process "$port" "$NEW_URL"
  done
}}
valkey() {{
  python -c 'import sys, redis; print(redis.Redis.from_url(sys.argv[1]).execute_command(*sys.argv[2:]))' "$ADMIN" "$@"
}}
"""


class Trading:
    """Sends an order now and then, to whoever takes it first, as a balancer would."""

    def __init__(self, clients: list[Client]) -> None:
        self._clients = clients
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.sent, self.failed = 0, list[str]()

    def __enter__(self) -> "Trading":
        self._thread.start()
        return self

    def __exit__(self, *fault: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "IOC"}
        while not self._stop.wait(EVERY_S):
            self.sent += 1
            for client in self._clients if self.sent % 2 else reversed(self._clients):
                try:
                    answer = client.signed("POST", "/api/v3/order", quantity="0.001", price="50000", **order)
                except httpx.ConnectError:
                    continue
                except httpx.HTTPError as fault:
                    self.failed.append(repr(fault))  # sent, and nobody knows what became of it
                    break
                if answer.status_code == 503 and answer.json()["code"] == -1008:
                    continue  # a balancer asks none that is not ready; it was not sent
                self.failed += [] if answer.status_code == 200 else [answer.text]
                break
            else:
                self.failed.append("nobody takes it")


@pytest.fixture
def variables(settings: ProcessSettings, tmp_path: Path) -> Iterator[dict[str, str]]:
    """What the page's commands are given; processes that were started are ended."""
    admin, ports = settings.valkey_url, [str(free_port()) for _ in range(2)]
    old, new = secrets.token_hex(16), secrets.token_hex(16)
    path = urlsplit(admin).path
    connection: Any = redis.Redis.from_url(admin)
    connection.execute_command("ACL", "SETUSER", "venue", "reset", "on", f">{old}", "~*", "&*", "+@all")
    yield {
        **replace(settings, intake_port=0).environment(),
        **ROOMY_LIMITS,
        "DIR": str(tmp_path),
        "ADMIN": admin,
        "VENUE": "venue",
        "OLD": old,
        "NEW": new,
        "OLD_URL": f"unix://venue:{old}@{path}?db=0",
        "NEW_URL": f"unix://venue:{new}@{path}?db=0",
        "PORTS": " ".join(ports),
        "URLS": " ".join(f"http://127.0.0.1:{port}" for port in ports),
    }
    for port in ports:
        with contextlib.suppress(OSError, ValueError):
            os.kill(int((tmp_path / f"{port}.pid").read_text()), signal.SIGTERM)
    connection.execute_command("ACL", "DELUSER", "venue")
    connection.close()


def test_valkey_s_token_is_changed_and_no_order_fails(settings: ProcessSettings, variables: dict[str, str]) -> None:
    run_apart(wiring.migrate(settings))
    run(FUNCTIONS + 'for port in $PORTS; do start_process "$port" "$OLD_URL"; done', **variables)
    made = run_apart(
        wiring.create_account(settings, "ann@example.com", "correct horse battery", [("USDT", 10**6 * UNIT)])
    )
    account = Account(made.email, made.account_id, made.api_key, made.secret_key)
    with Trading([Client(url, account) for url in variables["URLS"].split()]) as trading:
        shown = run(FUNCTIONS + commands(PAGE, "token"), **variables)
        time.sleep(1)
    assert not trading.failed, f"{len(trading.failed)} of {trading.sent}: {trading.failed[:3]}"
    assert trading.sent > 50
    assert "BROKEN" not in shown
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(variables["OLD_URL"]).ping()
    own = redis.Redis.from_url(variables["ADMIN"])
    limit = time.monotonic() + BACK_S
    while not (back := [each for each in own.client_list() if each["user"] == "venue"]):
        assert time.monotonic() < limit, "nobody came back with the new token"
        time.sleep(0.2)
    sys.stderr.write(f"{trading.sent} orders while the token was changed, none failed; {len(back)} connections back\n")
