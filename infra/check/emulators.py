"""Emulators of AWS on this machine's loopback: each started for one rung, and ended with it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

MINISTACK: Final = Path(__file__).parents[2] / ".venv-ministack" / "bin" / "ministack"
MOTO: Final = Path(sys.executable).with_name("moto_server")
LOGS: Final = Path(__file__).parents[2] / "cdk.out"
"""Where each emulator's own words lie after a run."""
START_S_MAX: Final = 60.0
END_S_MAX: Final = 10.0
REGION: Final = "us-east-1"

Client = Callable[[str], Any]
"""Gives the client of a service by its name."""


@contextmanager
def ministack() -> Iterator[str]:
    """Run ministack; yield its address."""
    port = _free_port()
    own = {"GATEWAY_PORT": str(port), "EDGE_PORT": str(port), "BIND_HOST": "127.0.0.1"}
    with _running([str(MINISTACK)], own, port) as url:
        yield url


@contextmanager
def moto() -> Iterator[str]:
    """Run moto's server; yield its address."""
    port = _free_port()
    with _running([str(MOTO), "-H", "127.0.0.1", "-p", str(port)], {}, port) as url:
        yield url


EMULATORS: Final = {"moto": moto, "ministack": ministack}


def clients(url: str) -> Client:
    """Return what makes clients of the emulator at an address; nothing that they are told is a secret."""
    import boto3
    from botocore.config import Config

    made: dict[str, Any] = {}

    def client(name: str) -> Any:
        if name not in made:
            made[name] = boto3.client(
                name, endpoint_url=url, region_name=REGION,
                aws_access_key_id="testing", aws_secret_access_key="testing",
                config=Config(retries={"max_attempts": 1}, read_timeout=60),
            )  # fmt: skip
        return made[name]

    return client


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _running(command: Sequence[str], own: Mapping[str, str], port: int) -> Iterator[str]:
    LOGS.mkdir(exist_ok=True)
    with (LOGS / f"{Path(command[0]).name}.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **own})
    try:
        deadline = time.monotonic() + START_S_MAX
        while True:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} did not start")
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(END_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(END_S_MAX)
