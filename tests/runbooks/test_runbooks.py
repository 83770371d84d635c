"""The runbooks' commands, run as they stand."""

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from openbourse.settings import ProcessSettings
from openbourse.supervisor import binaries
from openbourse.supervisor.stores import find_running
from tests.exchange import Account, Exchange, discard, new_exchange
from tests.replicated import STANDBY, Replicated
from tests.sequencer.shard import Shard, buy, far, migrate
from tests.sequencer.test_kill import prepare

RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks"
BLOCK = re.compile(r"^```sh *(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECONDS_MAX = 200
FAILURES = (
    *("zone.md", "database.md", "cache.md", "region.md", "bad-deploy.md", "leaked-credential.md"),
    *("broken-invariant.md", "workers.md"),
)
"""Pages whose commands are looked at on a venue that is well: they must work as they stand."""

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]


def commands(name: str, part: str) -> str:
    """Return the commands of a part of a runbook, in order."""
    found = [text for marked, text in BLOCK.findall((RUNBOOKS / name).read_text()) if marked == part]
    assert found, f"{name} has no commands of the part {part!r}"
    return "\n".join(found)


def run(script: str, **variables: str) -> str:
    """Run commands in one shell that ends with the first that fails; return what they print."""
    environment = {**os.environ, **variables, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done.stdout


def await_redundancy(venue: Exchange) -> None:
    limit = time.monotonic() + 90
    while venue.command("sequencer", "status", "--data", str(venue.data_dir)).returncode != 0:
        assert time.monotonic() < limit, venue.log()
        time.sleep(0.5)


def test_every_fenced_command_is_run_by_a_test() -> None:
    parts = {(path.name, part) for path in RUNBOOKS.glob("*.md") for part, _ in BLOCK.findall(path.read_text())}
    assert parts == {
        *((name, "") for name in ("failover.md", "rebuild-a-standby.md", "reopen.md", *FAILURES)),
        ("failover.md", "database"),
        # Held against AWS's models, not run.
        *(
            (name, "aws")
            for name in (
                "database.md",
                "region.md",
                "restore.md",
                "zone.md",
                "bad-deploy.md",
                "leaked-credential.md",
            )
        ),
        ("region.md", "back"),
        *(("leaked-credential.md", part) for part in ("token", "key")),
        *(("withdrawals.md", part) for part in ("", "approve", "second", "reject", "settle", "fail", "show")),
        *(("restore.md", part) for part in ("before", "backup", "restore")),
    }


def test_changing_the_leader_rebuilding_a_standby_and_reopening(own_exchange: Exchange) -> None:
    venue = own_exchange
    await_redundancy(venue)
    shown = run(commands("failover.md", ""), DATA=str(venue.data_dir))
    epochs = [int(epoch) for epoch in re.findall(r"^leader .* epoch (\d+)", shown, re.MULTILINE)]
    assert epochs[0] + 1 == epochs[-1], shown
    shown = run(commands("rebuild-a-standby.md", ""), DATA=str(venue.data_dir))
    assert "following" in shown
    shown = run(commands("reopen.md", ""), DATA=str(venue.data_dir), URL=venue.base_url)
    assert re.findall(r"^BTCUSDT (\w+)$", shown, re.MULTILINE) == [
        *("CANCEL_ONLY", "AUCTION", "TRADING"),
        *("HALT", "TRADING"),
        "TRADING",
    ]
    account = venue.account("leaked@example.com", BTC="1")
    for name in FAILURES:
        shown = run(commands(name, ""), DATA=str(venue.data_dir), URL=venue.base_url, ACCOUNT=str(account.account_id))
        assert "BROKEN" not in shown, f"{name}: {shown}"


def test_withdrawals_are_decided_paid_and_given_back(exchange: Exchange) -> None:
    account = exchange.account("leaver@example.com", may_withdraw=True, BTC="3")
    client, page, data = exchange.client(account), "withdrawals.md", str(exchange.data_dir)
    apply = {"coin": "BTC", "address": "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"}
    asked = [
        client.signed("POST", "/sapi/v1/capital/withdraw/apply", **apply, amount=amount)
        for amount in ("1", "0.5", "0.5", "0.1")
    ]
    ids = [answer.json()["id"] for answer in asked]
    assert client.balances()["BTC"] == ("0.90000000", "2.10000000")

    def act(part: str, number: str) -> str:
        return run(commands(page, part), DATA=data, ID=number, HASH="0a1b2c", SOMEBODY_ELSE="bob")

    listed = run(commands(page, ""), DATA=data)
    assert re.findall(rf"^({'|'.join(ids)}) +awaiting approval ", listed, re.MULTILINE) == ids
    paid, rejected, failed, small = ids
    assert act("reject", rejected) == f"withdrawal {rejected} rejected\n"
    first = f"withdrawal {paid} awaiting a second approval: it is more than 0.50000000 BTC, the most that one approves alone\n"
    assert act("approve", paid) == first
    assert act("second", paid) == f"withdrawal {paid} approved, to be paid\n"
    assert act("approve", failed) == f"withdrawal {failed} approved, to be paid\n"
    many = act("approve", small)
    assert many.startswith(f"withdrawal {small} awaiting a second approval: its account would have more than 0.5"), many
    assert f"approvals      2, of different operators: {many.partition(': ')[2]}" in act("show", small)
    assert client.balances()["BTC"] == ("1.40000000", "1.60000000")
    assert act("settle", paid) == f"withdrawal {paid} completed\n"
    assert act("fail", failed) == f"withdrawal {failed} failed\n"
    assert client.balances()["BTC"] == ("1.90000000", "0.10000000")
    shown = act("show", paid)
    assert re.findall(r"^(approve|settle) .* by \S+", shown, re.MULTILINE) == ["approve", "approve", "settle"], shown
    assert "BROKEN" not in shown
    history = {row["id"]: row for row in client.ask("/sapi/v1/capital/withdraw/history").json()}
    assert [history[number]["status"] for number in ids] == [6, 3, 5, 4]
    assert history[small]["info"] == "Two operators must approve more than 0.50000000 BTC in 24 hours."
    assert (history[paid]["txId"], history[rejected]["info"]) == ("0a1b2c", "The address is not yours")


@pytest.fixture
def venue_of_one_sequencer() -> Iterator[Exchange]:
    venue = new_exchange(options=("--no-demo", "--standbys", "0"))
    venue.start()
    yield venue
    discard(venue)


def settings_of(venue: Exchange) -> ProcessSettings:
    """Return the settings of a running exchange, as soon as it says where it is."""
    limit = time.monotonic() + 60
    while (found := find_running(venue.data_dir)) is None:
        assert time.monotonic() < limit, venue.log()
        time.sleep(0.1)
    return found


def stop_and_start(venue: Exchange) -> str:
    """Return what `stop_exchange` and `start_exchange` stand for in a page, for a venue of one sequencer."""
    assert venue.process is not None
    stop = f'kill -INT {venue.process.pid}; while [ -e "$DATA/postgres/postmaster.pid" ]; do sleep 0.1; done; sleep 2'
    start = (
        f'nohup {sys.executable} -m openbourse up --data "$DATA" --port {venue.port} --no-demo --standbys 0'
        f' >> "{venue.data_dir.parent}/up.log" 2>&1 &\n'
        # It ends with 1 where nobody could take over, and nobody can here.
        'for i in $(seq 60); do { openbourse sequencer status --data "$DATA" || true; } | grep -q ":" && break; sleep 0.3; done'
    )
    return f"stop_exchange() {{ {stop}; }}\nstart_exchange() {{ {start}; }}\n"


def test_restoring_to_a_moment_says_what_is_lost(venue_of_one_sequencer: Exchange, tmp_path: Path) -> None:
    venue = venue_of_one_sequencer
    variables = {
        "DATA": str(venue.data_dir),
        "PG": str(binaries.postgres_bin_dir()),
        "JOURNAL": settings_of(venue).journal_url,
        "ARCHIVE": str(tmp_path / "archive"),
        "BACKUP": str(tmp_path / "backup"),
    }
    run(commands("restore.md", "before"), **variables)
    venue.stop()
    venue.start()
    settings_of(venue)
    kept = venue.account("kept@example.com", BTC="1")
    run(commands("restore.md", "backup"), **variables)
    moment = datetime.now(UTC).isoformat()
    time.sleep(1.5)
    venue.account("lost@example.com", BTC="2")
    time.sleep(2.5)  # the witness remembers once a second
    assert venue.process is not None
    shown = run(stop_and_start(venue) + commands("restore.md", "restore"), **variables, MOMENT=moment)
    lost = re.search(
        r"accepted: the journal holds what was acknowledged up to sequence (\d+); commands up to (\d+)", shown
    )
    assert lost is not None, shown
    assert int(lost[1]) < int(lost[2])
    assert "BROKEN" not in shown
    venue.process = None
    venue.await_ready()
    assert venue.client(kept).balances()["BTC"] == ("1.00000000", "0.00000000")


def test_a_new_master_key_voids_what_the_former_sealed_and_nothing_else(venue_of_one_sequencer: Exchange) -> None:
    venue = venue_of_one_sequencer
    account = venue.account("leaked@example.com", USDT="1000")
    placed = venue.client(account).place(
        symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01", price="10000"
    )
    variables = {"DATA": str(venue.data_dir), "EMAIL": account.email}
    script = stop_and_start(venue) + commands("leaked-credential.md", "key")
    shown = run(script, **variables)
    venue.process = None
    venue.await_ready()
    assert "BROKEN" not in shown
    made = json.loads(next(line for line in shown.splitlines() if line.startswith("{")))
    refused = venue.client(account).signed("GET", "/api/v3/openOrders", symbol="BTCUSDT")
    assert (refused.status_code, refused.json()["code"]) == (401, -2015)
    renewed = venue.client(Account(account.email, made["accountId"], made["apiKey"], made["secretKey"]))
    assert made["accountId"] == account.account_id
    [order] = renewed.signed("GET", "/api/v3/openOrders", symbol="BTCUSDT").json()
    assert order["orderId"] == placed["orderId"]
    assert renewed.balances()["USDT"] == ("900.00000000", "100.00000000")


async def test_a_lost_database_host_is_replaced(settings: ProcessSettings, server_dir: Path, cluster: Path) -> None:
    folder = server_dir / "runbook"
    folder.mkdir()
    both = Replicated(folder, cluster)
    await asyncio.to_thread(both.start)
    shard = Shard(replace(settings, journal_url=both.url, database_url=""))
    try:
        await migrate(shard.settings)
        leader = shard.start("a")
        async with shard.gateway() as gateway:
            await prepare(gateway)
            await asyncio.to_thread(both.primary.kill)
            under_way = asyncio.create_task(gateway.submit(buy("under way"), far()))
            lost, kept = both.hosts
            before, _, after = commands("failover.md", "database").partition("start_lost_host\n")
            variables = {
                **{
                    name: value
                    for name, value in shard.settings.environment().items()
                    if name != "OPENBOURSE_DATABASE_URL"
                },
                "PG": str(binaries.postgres_bin_dir()),
                "STANDBY": kept.url,
                "LOST_DIR": str(lost.data),
            }
            await asyncio.to_thread(lambda: run(before, **variables))
            assert (await asyncio.wait_for(under_way, 30)).sequence == 6
            await asyncio.to_thread(lambda: lost.start(**STANDBY))
            await asyncio.to_thread(lambda: run(after, **variables))
            assert (await gateway.submit(buy("again"), far())).sequence == 7
        await leader.end()
    finally:
        with contextlib.suppress(Exception):
            await asyncio.to_thread(both.stop)
