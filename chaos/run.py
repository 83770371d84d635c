"""One run: the venue up, clients trading, faults one after another, then the verdict."""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from chaos import history, picture
from chaos.checker import Verdict, check
from chaos.faults import Fault, Kind, draw
from chaos.gather import gathered, verified
from chaos.inject import Injected, Injector
from chaos.load import SYMBOL, Plan, Trading
from chaos.measure import felt
from chaos.network import inside
from chaos.places import EDGE_PORT, EDGES, IS_LOOPBACK, LOAD, seen_from
from chaos.report import Run, commit, now, whole, write
from chaos.truth import read_truth
from chaos.venue import Venue, VenueFault
from openbourse import listings
from openbourse.protocol.amounts import UNIT

ACCOUNTS: Final = 12
FUNDS: Final = (("BTC", 1_000 * UNIT), ("USDT", 100_000_000 * UNIT))
WARM_UP_S: Final = 3.0
WHOLE_AGAIN_S: Final = 45.0
QUIET_S: Final = 1.0
LOAD_END_S: Final = 40.0
VERIFY_S: Final = 120.0


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    faults: int
    seed: int
    rate: float
    seconds: float
    form: str
    only: tuple[Kind, ...] = ()
    without: tuple[Kind, ...] = ()


class Load:
    """The clients' process."""

    def __init__(self, root: Path, plan: Plan) -> None:
        file = root / "plan.json"
        file.write_bytes(msgspec.json.encode(plan))
        self.history = Path(plan.history)
        with (root / "load.log").open("wb") as log:
            self._process = subprocess.Popen(
                (*inside(LOAD), sys.executable, "-m", "chaos.load", str(file)),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def end(self) -> None:
        """Have the clients stop, and wait until they have settled what was in doubt."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.to_thread(self._process.wait, LOAD_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()


async def run(options: Options, root: Path, say: Callable[[str], None]) -> tuple[Run, Verdict, Path]:
    """Do a run under a directory; return it, the verdict, and where the report is. Raises VenueFault, NetworkFault."""
    venue = Venue(root, options.form)
    began = time.monotonic()
    try:
        await venue.start()
        say(f"the venue is up in {time.monotonic() - began:.0f} s; the three zones are {venue.network.told}")
        trading = [
            Trading(made.account_id, made.api_key, made.secret_key) for made in await venue.accounts(ACCOUNTS, FUNDS)
        ]
        edges = [(seen_from(LOAD, place), EDGE_PORT) for place in EDGES]
        load = Load(root, Plan(trading, edges, options.rate, options.seed, str(root / "history.jsonl")))
        began = time.monotonic()
        await asyncio.sleep(WARM_UP_S)
        injected, broken = await _inject(venue, options, say)
        say("the clients stop")
        await load.end()
        await asyncio.sleep(QUIET_S)
        ended = time.monotonic()
        requests = history.read(load.history)
        verdict = await _judge(venue, requests, trading, broken)
        return _keep(options, venue, injected, requests, verdict, (began, ended))
    finally:
        await venue.stop()


async def _inject(venue: Venue, options: Options, say: Callable[[str], None]) -> tuple[list[Injected], list[str]]:
    """Have the faults happen, as many as fit into the time; return them, and what did not come back."""
    absent = {Kind.CLOCK_JUMP: not venue.clocks, Kind.SLOW_DISK: not venue.disks, Kind.DISK_FULL: IS_LOOPBACK}
    without = (*options.without, *(kind for kind, is_absent in absent.items() if is_absent))
    injector, injected = Injector(venue), list[Injected]()
    limit = time.monotonic() + options.seconds
    faults = draw(options.seed, options.faults, options.only, without)
    for fault, following in zip(faults, [*faults[1:], None], strict=True):
        hit = await injector.inject(fault)
        injected.append(hit)
        is_last = following is None or time.monotonic() > limit
        waits = is_last or following is None or following.is_on_whole
        try:
            at = await venue.restored(WHOLE_AGAIN_S, enough=not waits)
        except VenueFault as failure:
            hit.restored = time.monotonic()
            return injected, [f"after {_told(fault)} at {hit.target}: {failure}"]
        if waits:
            hit.restored = at
        how = f"whole again after {at - hit.ended:.1f} s" if waits else f"goes on after {at - hit.ended:.1f} s"
        say(f"{fault.number:4} {fault.kind:<24} {hit.target:<40} {how}")
        if is_last:
            break
        await asyncio.sleep(fault.pause_s)
    return injected, []


def _told(fault: Fault) -> str:
    return f"fault {fault.number} ({fault.kind}, {fault.seconds:.1f} s)"


async def _judge(venue: Venue, requests: list[history.Request], trading: list[Trading], broken: list[str]) -> Verdict:
    found: list[str] = list(broken)
    seen = await gathered(trading, found)
    truth = await read_truth(venue.own_settings().journal_url, SYMBOL)
    if seen is None:
        return Verdict(breaks=found)
    verdict = check(requests, truth, seen, listings.ASSETS)
    verdict.breaks += found
    if wrong := await verified(venue, VERIFY_S):
        verdict.breaks.append(f"openbourse verify: {wrong}")
    verdict.counted |= {"requests": len(requests), "commands in the journal": truth.sequence, "leaders": truth.epochs}
    return verdict


def _keep(
    options: Options,
    venue: Venue,
    injected: Sequence[Injected],
    requests: Sequence[history.Request],
    verdict: Verdict,
    between: tuple[float, float],
) -> tuple[Run, Verdict, Path]:
    kinds: dict[str, int] = {}
    for fault in injected:
        kinds[str(fault.fault.kind)] = kinds.get(str(fault.fault.kind), 0) + 1
    run = Run(
        when=now(),
        commit=commit(),
        seed=options.seed,
        faults=len(injected),
        lost=len(verdict.lost),
        doubled=len(verdict.doubled),
        breaks=len(verdict.breaks),
        kinds=kinds,
        felt=felt(injected, requests, between[1]),
    )
    how = {
        "zones": venue.network.told,
        "load average at the end": os.getloadavg()[0],
        "orders, cancels and questions a second": options.rate,
        "database address": options.form,
        "database": "failover after 3 s without an answer, as RDS would",
        "skipped": venue.skipped,
    }
    notes = [(at - between[0], text) for at, text in venue.notes]
    title = f"chaos, seed {options.seed}, {len(injected)} faults, {options.rate:g} requests/s"
    drawn = picture.draw(requests, injected, between[0], title)
    return run, verdict, write(whole(run, verdict, how, notes), drawn)


def clear(root: Path, is_kept: bool) -> None:
    """Remove what a run left behind, unless it must be looked at."""
    if not is_kept:
        shutil.rmtree(root, ignore_errors=True)
