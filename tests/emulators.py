"""AWS without AWS: moto as a server of this run's own, and ministack where it is installed (`.venv-ministack`)."""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

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


class OneAtATime:
    """A WSGI application whose requests wait for each other.

    moto looks whether an object is there and writes it in two steps; S3 does in one.
    """

    def __init__(self, inner: Callable[..., Iterable[bytes]]) -> None:
        self._inner = inner
        self._lock = threading.Lock()

    def __call__(self, *request: Any) -> list[bytes]:
        """Answer as the inner application does."""
        with self._lock:
            return list(self._inner(*request))


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """The address of a moto that is shared by the run; tests name their own buckets, queues and keys."""
    application = OneAtATime(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


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
