"""Two releases on one machine, rolled out and back under load, behind a balancer: no request fails."""

import asyncio
import shutil
from pathlib import Path

import pytest

from bench.load import Outcome, rest_load
from bench.venue import rest_orders
from deploy.proof.balancing import PORT, balanced
from deploy.proof.conftest import VERSION
from deploy.proof.roots import staged, wheels
from deploy.proof.venue import PORTS, STARTED, Venue, unit
from tests.exchange import Account

pytestmark = pytest.mark.timeout(1_800)
RATE, PIECE_S, CONNECTIONS = 20.0, 6.0, 4
"""A piece is shorter than the balancer waits for the first request of a connection that nobody needed yet (10 s)."""
NEXT, BAD = "1.1.0", "1.2.0"
PACKAGE = "/opt/openbourse/releases/{}/lib/python3.11/site-packages/openbourse"
GREEN = {f"{instance}g": port + 100 for instance, port in PORTS.items()}
BROKEN = '    raise RuntimeError("a bad release")\n'


@pytest.fixture(scope="module")
def releases(venue: Venue) -> Venue:
    """The venue's machine with two more releases: one that is good, one whose edges cannot start."""
    machine = venue.machine
    for folder, name in ((staged(), "staged"), (wheels(), "wheels")):
        shutil.copytree(folder, machine.root / "var/tmp" / name)
    for version in (NEXT, BAD):
        machine.run(
            *("env", "PIP_NO_INDEX=1", "PIP_FIND_LINKS=/var/tmp/wheels"),
            *("openbourse-install-release", version, "/var/tmp/staged"),
            seconds=400,
        )
        package = PACKAGE.format(version)
        told = (machine.root / package.lstrip("/") / "__init__.py").read_text()
        machine.write(f"{package}/__init__.py", told.replace('__version__ = "', f'__version__ = "{version}+'))
    edge = f"{PACKAGE.format(BAD)}/wiring/edge.py"
    text = (machine.root / edge.lstrip("/")).read_text()
    machine.write(edge, text.replace("    settings = stores.settings\n", BROKEN, 1))
    for instance, port in GREEN.items():
        machine.write(f"/etc/openbourse/{instance}.env", f"OPENBOURSE_PORT={port}\n")
    return venue


@pytest.fixture(scope="module")
def accounts(venue: Venue) -> list[Account]:
    return [venue.account(f"roll{number}@example.com", BTC="1000", USDT="10000000") for number in range(4)]


def versions(venue: Venue) -> dict[str, str]:
    """Return the release that each running instance has, by its program's path."""
    listed = venue.machine.ask("systemctl", "list-units", "--plain", "--no-legend", "--state=active", "openbourse-*@*")
    found = {}
    for line in listed.splitlines():
        name = line.split()[0].removeprefix("openbourse-").removesuffix(".service")
        told = venue.machine.ask("cat", f"/proc/{venue.machine.pid(unit(name))}/cmdline")
        found[name] = told.partition("/releases/")[2].partition("/")[0]
    return found


async def rolled(venue: Venue, accounts: list[Account], *words: str) -> tuple[int, str, list[Outcome]]:
    """Roll out under load; return how it ended, what it said, and what clients saw."""
    process = await asyncio.create_subprocess_exec(
        *venue.machine.command("openbourse-rollout", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    telling = asyncio.create_task(process.communicate())
    seen, number = [], 0
    while not telling.done():
        number += 1
        outcome = Outcome(RATE, PIECE_S)
        await rest_load("127.0.0.1", PORT, rest_orders(accounts, number), RATE, PIECE_S, CONNECTIONS, outcome)
        seen.append(outcome)
    told = (await telling)[0].decode()
    assert process.returncode is not None
    return process.returncode, told, seen


def report(what: str, told: str, seen: list[Outcome]) -> None:
    """Print what was seen; fail when any request did."""
    sent, good = sum(each.sent for each in seen), sum(each.good for each in seen)
    failures = [dict(each.failures) for each in seen if each.failures]
    slowest = max(each.percentile(100) for each in seen)
    print(f"\n{told}\n{what}: {sent} orders sent, {good} good, failed {failures}; slowest {slowest:.0f} ms")
    assert not failures
    assert sent == good > 100


def test_a_dry_run_says_what_would_be_done_and_does_nothing(releases: Venue) -> None:
    before = versions(releases)
    told = releases.machine.run("openbourse-rollout", NEXT, "--dry-run")
    assert "would have the leader hand over" in told
    assert all(f"would restart {instance}" in told for instance in PORTS)
    assert versions(releases) == before
    with pytest.raises(AssertionError, match="not installed"):
        releases.machine.run("openbourse-rollout", "9.9.9", "--dry-run")


def test_a_release_that_the_running_one_cannot_live_with_is_stopped_by_the_gate(releases: Venue) -> None:
    before, machine = versions(releases), releases.machine
    revision = f"{PACKAGE.format(NEXT)}/identity/revisions/9999_contract.sql"
    machine.write(revision, "ALTER TABLE identity.users DROP COLUMN password_hash;\n")
    try:
        with pytest.raises(AssertionError, match=r"not begun: (?s:.)*contract .*DROP COLUMN password_hash"):
            machine.run("openbourse-rollout", NEXT)
    finally:
        (machine.root / revision.lstrip("/")).unlink()
    assert versions(releases) == before


def test_a_bad_release_is_taken_back_and_fails_no_request(
    releases: Venue, accounts: list[Account], tmp_path: Path
) -> None:
    before = versions(releases)
    with balanced(releases, tmp_path):
        code, told, seen = asyncio.run(rolled(releases, accounts, BAD))
    report("bad release", told, seen)
    assert code == 1
    assert "was taken back" in told
    assert versions(releases) == before


def test_a_rolling_deploy_fails_no_request(releases: Venue, accounts: list[Account], tmp_path: Path) -> None:
    with balanced(releases, tmp_path):
        code, told, seen = asyncio.run(rolled(releases, accounts, NEXT))
    report("rolling", told, seen)
    assert code == 0
    assert versions(releases) == dict.fromkeys(STARTED, NEXT)


def test_blue_green_there_and_back_fails_no_request(releases: Venue, accounts: list[Account], tmp_path: Path) -> None:
    behind = {name for name in STARTED if name not in PORTS}
    there, back = (VERSION, NEXT) if NEXT in versions(releases).values() else (NEXT, VERSION)
    with balanced(releases, tmp_path, more=GREEN):
        code, told, seen = asyncio.run(rolled(releases, accounts, there, "--blue-green"))
        report("blue-green", told, seen)
        assert code == 0
        assert versions(releases) == dict.fromkeys((*behind, *GREEN), there)
        code, told, seen = asyncio.run(rolled(releases, accounts, back, "--blue-green"))
        report("blue-green back", told, seen)
        assert code == 0
        assert versions(releases) == dict.fromkeys((*behind, *PORTS), back)


def test_what_was_acknowledged_is_all_there(releases: Venue) -> None:
    told = releases.command("verify")
    assert "BROKEN" not in told
    print(told)
