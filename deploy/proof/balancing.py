"""HAProxy in front of the machine's venue, and who asks it from which address."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx

from deploy.balancer import CHECK_S, Options, configuration
from deploy.proof.venue import BALANCER_ADDRESS, PORTS, Venue

PORT: Final = 8080
URL: Final = f"http://127.0.0.1:{PORT}"


class Balancer:
    """One running HAProxy."""

    def __init__(self, control: Path) -> None:
        self._control = control

    def states(self) -> dict[str, str]:
        """Return every server's state as health checks see it."""
        rows = self._ask("show stat").splitlines()
        names = rows[0].lstrip("# ").split(",")
        found = [dict(zip(names, row.split(","), strict=False)) for row in rows[1:] if row]
        return {
            row["svname"]: row["status"].split()[0] for row in found if row["svname"] not in ("FRONTEND", "BACKEND")
        }

    def await_state(self, server: str, state: str, seconds: float = 60.0) -> float:
        """Wait until a server is in a state; return how long it took."""
        began = time.monotonic()
        while self.states().get(server) != state:
            assert time.monotonic() - began < seconds, self.states()
            time.sleep(0.1)
        return time.monotonic() - began

    def _ask(self, words: str) -> str:
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self._control))
            control.sendall(words.encode() + b"\n")
            return b"".join(iter(lambda: control.recv(65_536), b"")).decode()


@contextmanager
def balanced(_: Venue, folder: Path, idle_s: int = 300, more: dict[str, int] | None = None) -> Iterator[Balancer]:
    """Run a balancer for a while, on the network that this thread is on."""
    servers: dict[str, list[str]] = {}
    for instance, port in {**PORTS, **(more or {})}.items():
        servers.setdefault(instance.partition("@")[0], []).append(f"127.0.0.1:{port}")
    control, file = folder / "admin.sock", folder / "haproxy.cfg"
    options = Options(
        f"127.0.0.1:{PORT}", BALANCER_ADDRESS, str(control), idle_s=idle_s, connections_max=2_000, tells_server=True
    )
    file.write_text(configuration(servers, options))
    process = subprocess.Popen(["haproxy", "-f", str(file), "-db"])
    try:
        balancer = Balancer(control)
        limit = time.monotonic() + 30
        while not _answers():
            assert process.poll() is None, "haproxy has ended"
            assert time.monotonic() < limit, "the balancer does not answer"
            time.sleep(0.1)
        if more:
            # A balancer that has just started sends to servers that it has not asked yet; one in the cloud does not.
            time.sleep(CHECK_S + 1)
        yield balancer
    finally:
        process.terminate()
        process.wait(20)


def _answers() -> bool:
    try:
        return httpx.get(f"{URL}/api/v3/ping", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def asker(address: str, base_url: str = URL) -> httpx.Client:
    """Return a client that calls from an address."""
    return httpx.Client(base_url=base_url, timeout=10, transport=httpx.HTTPTransport(local_address=address))
