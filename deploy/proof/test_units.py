"""The unit files on a real systemd: each fleet starts, survives kill -9 within limits, and drains when stopped."""

import re
import subprocess
import time

import httpx
import pytest

from deploy.proof.venue import PORTS, STARTED, Venue, status, unit
from deploy.services import LEAVE_S, STARTS_MAX
from infra.recorded import recorded
from tests.exchange import Client

pytestmark = pytest.mark.timeout(900)
ORDER = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "50000",  # within the band around what the load of the rollouts trades at
    "quantity": "0.001",
}


def test_every_fleet_runs_as_its_own_user_with_what_its_unit_grants(venue: Venue) -> None:
    for instance in STARTED:
        assert venue.machine.show(unit(instance), "ActiveState") == "active", venue.machine.journal(unit(instance))
        told = venue.machine.ask("cat", f"/proc/{venue.machine.pid(unit(instance))}/status")
        facts = dict(line.split(":", 1) for line in told.splitlines() if ":" in line)
        assert int(facts["Uid"].split()[0]) not in (0, 65_534)
        assert int(facts["CapEff"].strip(), 16) == 0
        assert (facts["NoNewPrivs"].strip(), facts["Seccomp"].strip()) == ("1", "2")
    assert all(status(port) == 200 for port in PORTS.values())


@pytest.mark.parametrize("instance", ["sequencer@1", "workers@1", "gateway@1", "streams@1", "control@1"])
def test_a_killed_process_is_back(venue: Venue, instance: str) -> None:
    before = venue.machine.pid(unit(instance))
    restarts = int(venue.machine.show(unit(instance), "NRestarts"))
    venue.machine.run("kill", "-9", str(before))
    took = venue.machine.await_active(unit(instance), 60, but=before)
    print(f"{instance}: active again after {took:.1f} s")
    assert int(venue.machine.show(unit(instance), "NRestarts")) == restarts + 1
    venue.await_redundant()


def test_what_always_dies_is_let_lie(venue: Venue) -> None:
    machine = venue.machine
    name = "openbourse-workers@doomed.service"
    machine.write("/etc/openbourse/workers@doomed.env", "OPENBOURSE_PORT=nonsense\n")
    machine.run("mkdir", "-p", f"/run/systemd/system/{name}.d")
    # Three starts instead of thirty: the limit is systemd's, its number ours.
    machine.run("sh", "-c", f"printf '[Unit]\\nStartLimitBurst=3\\n' > /run/systemd/system/{name}.d/limit.conf")
    machine.run("systemctl", "daemon-reload")
    machine.ask("systemctl", "start", name)
    limit = time.monotonic() + 60
    while machine.show(name, "SubState") != "failed":
        assert time.monotonic() < limit, machine.journal(name)
        time.sleep(0.2)
    assert int(machine.show(name, "NRestarts")) == 3
    assert f"StartLimitBurst={STARTS_MAX}" in machine.run("systemctl", "cat", unit("workers@1"))


def test_an_edge_leaves_without_failing_anything_sent_to_it(venue: Venue) -> None:
    account = venue.account("drain@example.com", USDT="100000")
    port = PORTS["gateway@2"]
    client = Client(f"http://127.0.0.1:{port}", account)
    began = time.monotonic()
    stopping = subprocess.Popen(venue.machine.command("systemctl", "stop", unit("gateway@2")))
    failed, orders, first_no = [], 0, 0.0
    while time.monotonic() - began < LEAVE_S - 1:
        if not first_no and status(port) == 503:
            first_no = time.monotonic() - began
        answer = client.signed("POST", "/api/v3/order", **ORDER)
        orders += 1
        failed += [] if answer.status_code == 200 else [answer.text]
        time.sleep(0.2)
    assert stopping.wait(60) == 0
    took = time.monotonic() - began
    print(f"not ready after {first_no:.2f} s; {orders} orders on, {len(failed)} failed; gone after {took:.1f} s")
    assert not failed
    assert 0 < first_no < 3
    assert LEAVE_S <= took < LEAVE_S + 10
    assert venue.machine.show(unit("gateway@2"), "Result") == "success"
    with pytest.raises(httpx.HTTPError):
        client.request("GET", "/api/v3/ping")
    venue.machine.run("systemctl", "start", unit("gateway@2"))


def rotation_command() -> str:
    """Return what the stacks send to an instance whose fleet's password was changed."""
    bodies = (body for template in recorded() for body in template.resources.values())
    documents = (body["Properties"] for body in bodies if body["Type"] == "AWS::SSM::Document")
    [told] = {
        "\n".join(document["Content"]["mainSteps"][0]["inputs"]["runCommand"])
        for document in documents
        if document["DocumentType"] == "Command"
    }
    return told


def test_a_fleet_is_restarted_process_by_process_after_a_rotation(venue: Venue) -> None:
    fleet = ("gateway@1", "gateway@2")
    before = {each: venue.machine.pid(unit(each)) for each in fleet}
    venue.machine.write("/etc/openbourse/instance.env", "OPENBOURSE_FLEET=gateway\nOPENBOURSE_ROLES=gateway monitor\n")
    began, looked, nobody = time.monotonic(), 0, 0
    rolling = subprocess.Popen(venue.machine.command("sh", "-c", rotation_command()))
    while rolling.poll() is None:
        looked += 1
        nobody += not any(status(PORTS[each]) == 200 for each in fleet)
        assert time.monotonic() - began < 300
        time.sleep(0.2)
    venue.machine.run("rm", "/etc/openbourse/instance.env")
    print(f"rolled in {time.monotonic() - began:.0f} s; nobody ready in {nobody} of {looked} looks")
    assert rolling.returncode == 0
    assert all(venue.machine.pid(unit(each)) not in (0, pid) for each, pid in before.items())
    assert looked > 20
    assert nobody == 0


def test_a_frozen_edge_is_ended_by_the_watchdog(venue: Venue) -> None:
    before = venue.machine.pid(unit("streams@2"))
    venue.machine.run("kill", "-STOP", str(before))
    took = venue.machine.await_active(unit("streams@2"), 60, but=before)
    print(f"frozen streams@2: another one active after {took:.1f} s")
    assert "watchdog" in venue.machine.ask("journalctl", "--no-pager", "-n", "200", "-u", unit("streams@2")).lower()


def test_a_leader_that_is_stopped_gives_way_within_its_time(venue: Venue) -> None:
    leader = venue.leader()
    began = time.monotonic()
    venue.machine.run("systemctl", "stop", unit(leader))
    assert time.monotonic() - began < 20
    assert venue.machine.show(unit(leader), "Result") == "success"
    venue.machine.run("systemctl", "start", unit(leader))
    assert venue.leader() != leader


def test_log_lines_reach_the_file_that_the_agent_reads(venue: Venue) -> None:
    venue.machine.run("systemctl", "start", "openbourse-log-export.service")
    limit = time.monotonic() + 30
    while time.monotonic() < limit:
        text = venue.machine.ask("cat", "/var/log/openbourse/venue.log")
        if re.search(r'"event": ?"ready"', text):
            return
        time.sleep(0.3)
    pytest.fail(venue.machine.journal("openbourse-log-export.service"))
