"""A venue in the machine: stores, and a process or two of every fleet, started by the unit files."""

import json
import time
from pathlib import Path
from typing import Final

import httpx

from deploy.proof.machine import Machine
from tests.exchange import ROOMY_LIMITS, Account

STORES: Final = "/var/lib/stores"
STORES_UNIT: Final = f"""\
[Service]
Type=notify
NotifyAccess=all
User=openbourse
StateDirectory=stores
StateDirectoryMode=0700
ExecStart=/opt/openbourse/current/bin/python /opt/stores.py {STORES}
KillMode=mixed
Environment=HOME=/tmp
"""
PORTS: Final = {
    "gateway@1": 8001,
    "gateway@2": 8002,
    "streams@1": 8003,
    "streams@2": 8004,
    "control@1": 8005,
    "control@2": 8006,
}
BALANCER_ADDRESS: Final = "127.0.0.10"
"""Where the balancer calls from: the only peer that is believed about clients' addresses."""
STARTED: Final = ("sequencer@1", "sequencer@2", "workers@1", "workers@2", *PORTS)


def unit(instance: str) -> str:
    """Return the unit of an instance such as gateway@1."""
    return f"openbourse-{instance}.service"


class Venue:
    """The venue of one machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def start(self) -> None:
        """Start the stores, make the tables, start every unit."""
        machine = self.machine
        machine.write("/opt/stores.py", (Path(__file__).parent / "stores.py").read_text())
        machine.write("/etc/systemd/system/stores.service", STORES_UNIT)
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "start", "stores.service")
        settings = {
            **ROOMY_LIMITS,
            "OPENBOURSE_TRUSTED_PROXIES": f"{BALANCER_ADDRESS}/32",
            "OPENBOURSE_HOST": "127.0.0.1",
        }
        text = (machine.root / STORES.lstrip("/") / "venue.env").read_text()
        machine.write("/etc/openbourse/venue.env", text + "".join(f"{k}={v}\n" for k, v in settings.items()), 0o600)
        key = (machine.root / STORES.lstrip("/") / "secrets" / "master.key").read_text()
        machine.write("/etc/openbourse/master.key", key, 0o400)
        for instance, port in PORTS.items():
            machine.write(f"/etc/openbourse/{instance}.env", f"OPENBOURSE_PORT={port}\n")
        self.command("migrate")
        machine.run("systemctl", "start", *map(unit, STARTED), seconds=240)

    def command(self, *words: str) -> str:
        """Run `openbourse WORDS` in the machine, as the venue's user with the venue's settings."""
        return self.machine.run(
            *("systemd-run", "--wait", "--pipe", "--quiet", "-p", "User=openbourse"),
            *("-p", "EnvironmentFile=/etc/openbourse/venue.env"),
            *("-p", "LoadCredential=master.key:/etc/openbourse/master.key", "-p", "WorkingDirectory=/tmp"),
            *("sh", "-c", 'OPENBOURSE_MASTER_KEY_FILE=$CREDENTIALS_DIRECTORY/master.key exec "$@"', "sh"),
            *("/opt/openbourse/current/bin/openbourse", *words),
        )

    def account(self, email: str, **funds: str) -> Account:
        """Make a funded account."""
        words = [word for asset, amount in funds.items() for word in ("--fund", f"{asset}={amount}")]
        made = json.loads(self.command("account", "create", "--email", email, *words, "--json"))
        return Account(made["email"], made["accountId"], made["apiKey"], made["secretKey"])

    def await_redundant(self, seconds: float = 60.0) -> str:
        """Wait until somebody leads and another could take over; return what `sequencer status` says."""
        limit = time.monotonic() + seconds
        while True:
            try:
                return self.command("sequencer", "status")
            except AssertionError:
                if time.monotonic() > limit:
                    raise
            time.sleep(0.3)

    def leader(self) -> str:
        """Return the instance that leads."""
        told = self.await_redundant()
        pid = int(told.split()[1].rpartition(":")[2])
        return next(name for name in ("sequencer@1", "sequencer@2") if self.machine.pid(unit(name)) == pid)


def status(port: int, path: str = "/health/ready") -> int:
    """Return the status of an answer, 0 when nobody answers."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=5).status_code
    except httpx.HTTPError:
        return 0
