"""AWS without AWS: moto as a server of this run's own, and ministack where it is installed (`.venv-ministack`)."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

from tests.exchange import free_port

REGION = "eu-central-1"
START_SECONDS_MAX = 30.0
MINISTACK = Path(__file__).parents[1] / ".venv-ministack" / "bin" / "ministack"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """The address of a moto that is shared by the run; tests name their own buckets, queues and keys."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def ministack_url() -> Iterator[str]:
    """The address of a ministack of this run's own; skips where it is not installed."""
    if not MINISTACK.exists():
        pytest.skip("ministack is not installed: make infra installs it")
    port = free_port()
    process = subprocess.Popen(
        [str(MINISTACK)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "GATEWAY_PORT": str(port), "EDGE_PORT": str(port), "BIND_HOST": "127.0.0.1"},
    )
    url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + START_SECONDS_MAX
    try:
        while True:
            assert process.poll() is None, "ministack ended"
            assert time.monotonic() < deadline, "ministack did not start"
            try:
                httpx.get(url, timeout=1)
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, moto_url: str) -> str:
    """Point every AWS client of this test at moto; return its address."""
    return point_at(monkeypatch, moto_url)


@pytest.fixture(params=["moto", "ministack"])
def any_aws(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the test on each emulator."""
    return point_at(monkeypatch, request.getfixturevalue(f"{request.param}_url"))


def point_at(monkeypatch: pytest.MonkeyPatch, url: str) -> str:
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": url}.items():
        monkeypatch.setenv(name, value)
    return url


def client(service: str, url: str) -> Any:
    """Return a client of an emulator for the test's own questions."""
    return boto3.client(
        service, endpoint_url=url, region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing"
    )
