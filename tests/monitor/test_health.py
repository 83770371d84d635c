"""Health, metrics and the audit say what they looked at."""

import asyncio
import json
from collections.abc import Mapping

from openbourse.monitor.api import Monitor
from openbourse.monitor.audit import AssetTotals, Audit
from openbourse.monitor.health import Health
from openbourse.monitor.metrics import Metrics


async def good() -> str:
    return ""


async def bad() -> str:
    raise ConnectionError("nobody listens")


async def nothing_left() -> Mapping[str, bytes]:
    return {"sequencer": b'{"commands": 7, "name": "x"}', "broken": b"{"}


def monitor(health: Health, token: str | None = None) -> Monitor:
    return Monitor(health, Metrics({"edge": lambda: {"open sockets": 3}}, nothing_left), token)


async def test_ready_is_what_the_probes_say() -> None:
    status, _, _ = await monitor(Health({"database": good}, list)).ready()
    assert status == 200
    status, _, body = await monitor(Health({"database": good, "intake": bad}, list)).ready()
    assert status == 503
    assert b"nobody listens" in body


async def test_a_probe_that_hangs_is_not_ready() -> None:
    async def hangs() -> str:
        await asyncio.sleep(60)
        return ""

    verdict = await Health({"database": hangs}, list).check()
    assert not verdict.ready
    assert "no answer" in verdict.probes["database"]


async def test_who_leaves_is_not_ready_and_says_so_at_once() -> None:
    async def hangs() -> str:
        await asyncio.sleep(60)
        return ""

    leaving = Monitor(Health({"database": hangs}, list), Metrics({}, nothing_left), None, lambda: True)
    async with asyncio.timeout(0.5):
        status, _, body = await leaving.ready()
    assert status == 503
    assert json.loads(body)["probes"] == {"process": "it was told to stop"}


async def test_metrics_are_for_this_machine_or_for_who_has_the_token() -> None:
    local = monitor(Health({}, list))
    assert (await local.metrics("127.0.0.1", "", is_forwarded=False))[0] == 200
    assert (await local.metrics("203.0.113.7", "", is_forwarded=False))[0] == 404
    assert (await local.metrics("127.0.0.1", "", is_forwarded=True))[0] == 404
    guarded = monitor(Health({}, list), token="secret")
    assert (await guarded.metrics("127.0.0.1", "Bearer wrong", is_forwarded=False))[0] == 404
    assert (await guarded.metrics("203.0.113.7", "Bearer secret", is_forwarded=True))[0] == 200


async def test_metrics_hold_own_and_left_counters() -> None:
    _, _, body = await monitor(Health({}, list)).metrics("::1", "", is_forwarded=False)
    assert b"openbourse_edge_open_sockets 3.0" in body
    assert b"openbourse_sequencer_commands 7.0" in body


class Rows:
    """Rows as an audit reads them."""

    def __init__(self, totals: AssetTotals, crossed: list[str]) -> None:
        self._totals = totals
        self._crossed = crossed

    async def totals(self) -> tuple[int, list[AssetTotals]]:
        return 42, [self._totals]

    def crossed(self) -> list[str]:
        return self._crossed


async def test_sums_that_agree_pass_the_audit() -> None:
    audit = Audit(Rows(AssetTotals(2, 90, 100, 10, 0), []))
    assert await audit.check() == []
    assert audit.counters() == {"cursor": 42, "rounds": 1, "faults": 0, "breaches": 0}


async def test_the_audit_finds_what_is_broken() -> None:
    breaches = await Audit(Rows(AssetTotals(2, 91, 100, 10, 1), ["BTCUSDT"])).check()
    assert len(breaches) == 3
