"""What every proof stands on: the image's root, and a machine with a venue that runs for all of them."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.proof.machine import Machine
from deploy.proof.roots import provisioned
from deploy.proof.venue import Venue

VERSION = "1.0.0"
NEEDED = ("systemd-nspawn", "mmdebstrap", "haproxy", "nsenter")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if os.geteuid() != 0 or missing:
        raise pytest.UsageError(
            f"needs root, and apt install systemd-container mmdebstrap haproxy (missing: {missing})"
        )


@pytest.fixture(scope="session")
def image() -> Path:
    """The root that the image's recipe makes."""
    return provisioned(VERSION)


@pytest.fixture(scope="session")
def venue(image: Path) -> Iterator[Venue]:
    """A venue in a booted machine; tests talk on its network."""
    machine = Machine(image, str(os.getpid()))
    try:
        machine.boot()
        with machine.network():
            running = Venue(machine)
            running.start()
            yield running
    finally:
        machine.stop()
