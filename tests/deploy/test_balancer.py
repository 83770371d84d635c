"""The balancer's configuration: paths from the roles' table, and nothing that fails what is under way."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.balancer import CHECK_S, CHECKS_DOWN, Options, configuration, routes
from deploy.services import LEAVE_S, SERVICES
from openbourse.edge.server import PROXY_KEEP_ALIVE_S
from openbourse.edge.sockets import PING_EVERY_S
from openbourse.roles import ROLES, fleet_of

SERVERS = {service.name: ["10.0.0.1:8000", "10.0.1.1:8000"] for service in SERVICES if service.is_edge}


def test_every_path_goes_to_the_fleet_that_has_it_the_longest_first() -> None:
    found = routes([service for service in SERVICES if service.is_edge])
    assert {path for path, _ in found} == {path for role in ROLES for path in role.paths}
    for path, fleet in found:
        wanted = fleet_of(path)
        assert wanted is not None
        assert wanted.name == fleet
    assert [len(path) for path, _ in found] == sorted((len(path) for path, _ in found), reverse=True)
    text = configuration(SERVERS, Options())
    for path, fleet in found:
        line = f"default_backend {fleet}" if path == "/" else f"use_backend {fleet} if {{ path {path} }} "
        assert line in text


def test_its_times_fit_the_programs() -> None:
    options = Options()
    assert PING_EVERY_S * 3 <= options.idle_s < PROXY_KEEP_ALIVE_S
    assert CHECK_S * (CHECKS_DOWN + 1) < LEAVE_S
    assert re.search(r"^ +retries 0$", configuration(SERVERS, options), re.MULTILINE)


def test_haproxy_understands_it(tmp_path: Path) -> None:
    if shutil.which("haproxy") is None:
        pytest.skip("there is no haproxy here")
    file = tmp_path / "haproxy.cfg"
    file.write_text(configuration(SERVERS, Options(control_socket=str(tmp_path / "admin.sock"), source="127.0.0.1")))
    done = subprocess.run(["haproxy", "-c", "-f", str(file)], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_fleet_without_servers_is_refused() -> None:
    with pytest.raises(KeyError):
        configuration({"gateway": []}, Options())
