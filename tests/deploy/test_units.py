"""The unit files are those of the roles' table, start what it says, and grant little."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.services import SERVICES, Service
from deploy.units import UNITS, files, unit, unit_name
from openbourse.edge.server import DRAIN_S
from openbourse.roles import FLEETS, ROLES, Need, Scaling

SECURITY_MAX = 20
"""Tenths of systemd's exposure score, where 100 grants everything."""


def test_the_committed_units_are_those_of_the_table() -> None:
    made = files()
    assert {path.name for path in UNITS.iterdir()} == set(made)
    for name, text in made.items():
        assert (UNITS / name).read_text() == text, f"write {name} anew: python -m deploy.units"


def test_every_role_is_started_by_a_unit() -> None:
    started: set[str] = set()
    for service in SERVICES:
        found = re.search(r"^ExecStart=/opt/openbourse/current/bin/openbourse run (.*)$", unit(service), re.MULTILINE)
        assert found is not None
        started |= set(found[1].split())
    assert started == {role.name for role in ROLES if role.scaling is not Scaling.OPTIONAL}
    assert {service.name for service in SERVICES} == {fleet.name for fleet in FLEETS}


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_stop_has_time_to_drain(service: Service) -> None:
    text = unit(service)
    stop = int(re.findall(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)[0])
    leave = re.findall(r"OPENBOURSE_LEAVE_S=(\d+)", text)
    assert stop > sum(map(int, leave)) + DRAIN_S
    assert bool(leave) == service.is_edge == ("WatchdogSec=" in text)
    assert ("LoadCredential=master.key" in text) == (Need.MASTER_KEY in service.needs)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_what_secrets_said_is_kept_where_a_restart_finds_it(service: Service) -> None:
    text = unit(service)
    [kept] = re.findall(r'^Environment="OPENBOURSE_SECRETS_CACHE=/var/lib/(.*)/secrets"$', text, re.MULTILINE)
    assert f"\nStateDirectory={kept}\nStateDirectoryMode=0700\n" in text


def test_systemd_understands_them_and_calls_them_safe(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze here")
    for name, text in files().items():
        # Programs, users and folders of the image are not on this machine.
        (tmp_path / name).write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.MULTILINE))
    names = [unit_name(service).replace("@", "@1") for service in SERVICES]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in names)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"},
    )
    about_us = [line for line in (done.stdout + done.stderr).splitlines() if "openbourse" in line]
    assert done.returncode == 0, about_us
    assert not about_us
    for name in map(unit_name, SERVICES):
        judged = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", f"--threshold={SECURITY_MAX}", str(tmp_path / name)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert judged.returncode == 0, f"{name}: {judged.stdout.splitlines()[-1:]} {judged.stderr}"
