"""The rungs, in order: each returns its checks, and a check is a name and what is wrong."""

import filecmp
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.check import tools
from infra.check.assertions import assembly_of, judge, stacks_of
from infra.check.creation import create
from infra.check.faults import FAULTS, LINT, OWN, planted
from infra.check.functions import run_functions
from infra.check.replay import replay
from infra.environments import ENVIRONMENTS, PRODUCTION
from infra.recorded import is_current
from infra.synthesis import synthesise
from infra.templates import read_templates

Checks = Iterator[tuple[str, list[str]]]


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung of the ladder."""

    number: int
    name: str
    climb: Callable[[Path], Checks]
    """Is given the ladder's folder, in which `out` holds every environment's templates once rung 0 is climbed."""


def twice_the_same(folder: Path) -> Checks:
    """Synthesise everything twice, in two processes, and compare bytes; then with what is committed."""
    first = folder / "out"
    templates = synthesise(ENVIRONMENTS.values(), first)
    second = folder / "again"
    subprocess.run(
        [sys.executable, "-m", "infra", "--out", str(second)],
        check=True,
        capture_output=True,
        timeout=tools.SECONDS_MAX,
    )
    names = sorted(each.name for each in first.glob("*.template.json"))
    _, differ, missing = filecmp.cmpfiles(first, second, names, shallow=False)
    yield "two syntheses give the same bytes", [*differ, *missing, *([] if names else ["nothing was synthesised"])]
    shutil.rmtree(second)
    stale = [] if is_current(templates) else ["write infra/recorded.json.xz anew: make infra ARGS=--record"]
    yield "the committed templates are these", stale


def own_rules(folder: Path) -> Checks:
    """Hold our own rules against every environment."""
    templates = read_templates(folder / "out")
    for name, environment in ENVIRONMENTS.items():
        for rule, problems in judge(environment, templates).items():
            yield f"{name}: {rule}", problems


def nag(folder: Path) -> Checks:
    """Ask the library's own validation and cdk-nag."""
    yield "no unexplained finding", tools.nag(list(ENVIRONMENTS), folder / "nag")


def lint(folder: Path) -> Checks:
    """Ask cfn-lint."""
    yield "no unexplained finding", tools.lint(folder / "out")


def checkov(folder: Path) -> Checks:
    """Ask checkov."""
    yield "no unexplained finding", tools.checkov(folder / "out")


def planted_faults(folder: Path) -> Checks:
    """Plant each fault of the table; the rung that it names must find it."""
    templates = read_templates(folder / "out")
    for fault in FAULTS:
        environment = ENVIRONMENTS[fault.environment]
        ill = planted(stacks_of(environment, templates), fault)
        if fault.rung == OWN:
            found = any(judge(environment, ill).values())
        else:
            assert fault.rung == LINT
            place = folder / "ill"
            place.mkdir(exist_ok=True)
            sound = {each.stack: each.document for each in templates}
            for each in ill:
                if each.document != sound[each.stack]:
                    (place / f"{each.stack}.template.json").write_text(json.dumps(each.document))
            found = bool([each for each in tools.lint_findings(place) if each[0].startswith("E")])
            shutil.rmtree(place)
        yield f"{fault.name} ({fault.rung})", [] if found else ["not found"]


def created_on_emulators(folder: Path) -> Checks:
    """Create production on emulators and look at what stands there."""
    yield from create(assembly_of(PRODUCTION, read_templates(folder / "out")))


def replayed_alarms(folder: Path) -> Checks:
    """Replay production's alarms on an emulator."""
    yield from replay(assembly_of(PRODUCTION, read_templates(folder / "out")))


def functions_at_work(folder: Path) -> Checks:
    """Run production's functions, and ask its API, on an emulator."""
    out = folder / "out"
    yield from run_functions(assembly_of(PRODUCTION, read_templates(out)), out)


RUNGS: Final = (
    Rung(0, "synthesis, twice the same", twice_the_same),
    Rung(1, "own rules", own_rules),
    Rung(2, "library's validation and cdk-nag", nag),
    Rung(3, "cfn-lint", lint),
    Rung(4, "checkov", checkov),
    Rung(5, "planted faults", planted_faults),
    Rung(6, "production created on emulators", created_on_emulators),
    Rung(7, "alarms replayed on ministack", replayed_alarms),
    Rung(8, "functions and API at work", functions_at_work),
)
