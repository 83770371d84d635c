#!/usr/bin/env python3
"""Bring a release onto this machine's running venue, or take it back: `rollout.py VERSION [--dry-run] [--blue-green]`.

Installed as openbourse-rollout. The release lies in /opt/openbourse/releases already (openbourse-install-release). Rolling
restarts one process at a time, standbys before the leader, which hands over. Blue-green starts the edges' new processes
beside the old ones, and stops the old ones when all new ones are ready. What fails takes everything back by itself.
Needs nothing but Python and systemd. Across machines the same order is an instance refresh (docs/aws/deploy.md).
"""

import argparse
import http.client
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

HOME = Path("/opt/openbourse")
SETTINGS = Path("/etc/openbourse")
READY_S = 240.0
REDUNDANT_S = 120.0
COMMAND_S = 400.0
CHECK_EVERY_S = 0.3
SETTLE_S = 12.0
"""How long a balancer needs to believe in a process that is ready: two checks of 5 s."""
GREEN = "g"
UNIT = re.compile(r"openbourse-(\w+)@([\w.-]+)\.service")
ORDER = ("sequencer", "workers")
"""Before the edges: they ask those."""

Shell = Callable[[Sequence[str]], str]


class RolloutFault(Exception):
    """A step did not come to its end; what was done so far is taken back."""


def shell(words: Sequence[str]) -> str:
    """Run a command; return what it prints. Raises RolloutFault."""
    try:
        done = subprocess.run(list(words), capture_output=True, text=True, timeout=COMMAND_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise RolloutFault(f"{' '.join(words)}: {fault}") from fault
    if done.returncode != 0:
        raise RolloutFault(f"{' '.join(words)}: {(done.stderr or done.stdout).strip()[-600:]}")
    return done.stdout


@dataclass
class Host:
    """This machine's venue, as systemd runs it."""

    run: Shell = shell
    home: Path = HOME
    settings: Path = SETTINGS

    def instances(self) -> list[str]:
        """Return what runs, such as gateway@1; sequencers and workers first."""
        listed = self.run(
            ["systemctl", "list-units", "--plain", "--no-legend", "--state=active", "openbourse-*@*.service"]
        )
        found = [f"{fleet}@{name}" for fleet, name in UNIT.findall(listed)]
        return sorted(found, key=lambda each: (is_edge(each), each))

    def current(self) -> str:
        """Return the release that starts next."""
        return (self.home / "current").readlink().name

    def switch(self, version: str) -> None:
        """Name the release that starts next, in one step."""
        fresh = self.home / "current.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(f"releases/{version}")
        fresh.replace(self.home / "current")

    def version(self, instance: str) -> str:
        """Return the release that an instance runs, "" when it does not run."""
        pid = self.run(["systemctl", "show", "--property=MainPID", "--value", unit(instance)]).strip()
        try:
            program = Path(f"/proc/{pid}/cmdline").read_bytes().partition(b"\0")[0].decode()
        except OSError:
            return ""
        found = re.search(r"/releases/([^/]+)/", program)
        return found[1] if found else ""

    def port(self, instance: str) -> int:
        """Return where an edge listens; 0 for what is none."""
        for name in (f"{instance}.env", f"{instance.partition('@')[0]}.env", "venue.env"):
            try:
                found = re.search(r'^OPENBOURSE_PORT="?(\d+)', (self.settings / name).read_text(), re.MULTILINE)
            except FileNotFoundError:
                continue
            if found:
                return int(found[1])
        return 8_000

    def openbourse(self, *words: str, version: str = "") -> str:
        """Run a command of a release, as the venue's user with the venue's settings."""
        program = f"{self.home}/{f'releases/{version}' if version else 'current'}/bin/openbourse"
        given = [f"EnvironmentFile={self.settings}/venue.env", "User=openbourse", "WorkingDirectory=/tmp"]
        return self.run(
            ["systemd-run", "--wait", "--pipe", "--quiet", *(f"-p{each}" for each in given), program, *words]
        )


@dataclass(frozen=True)
class Step:
    """One thing to do, in words and in deeds."""

    text: str
    act: Callable[[], object]


def unit(instance: str) -> str:
    """Return an instance's unit."""
    return f"openbourse-{instance}.service"


def is_edge(instance: str) -> bool:
    """Tell whether an instance stands behind the balancer."""
    return not instance.startswith(ORDER)


def is_ready(port: int) -> bool:
    """Tell whether an edge says that it is ready."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def await_true(what: str, seconds: float, look: Callable[[], bool]) -> None:
    """Wait for something. Raises RolloutFault."""
    limit = time.monotonic() + seconds
    while not look():
        if time.monotonic() > limit:
            raise RolloutFault(f"{what}: not so after {seconds:g} s")
        time.sleep(CHECK_EVERY_S)


@dataclass
class Rollout:
    """One change of release."""

    host: Host
    to: str
    settle_s: float = SETTLE_S
    done: list[str] = field(default_factory=list)
    """What was started as the new release."""

    def check(self, options: Sequence[str] = ()) -> None:
        """Raise RolloutFault unless the release is whole and its migrations may go out."""
        release = self.host.home / "releases" / self.to
        if not (release / "complete").exists():
            raise RolloutFault(f"{release} is not installed; openbourse-install-release does it")
        old = self.host.home / "releases" / self.host.current()
        gate = [sys.executable, str(Path(__file__).resolve().with_name("gate.py")), str(old), str(release), *options]
        self.host.run(gate)

    def rolling(self) -> Iterator[Step]:
        """Return the steps of a change process by process."""
        yield from self._begin()
        yield from self._behind()
        for instance in filter(is_edge, self.host.instances()):
            yield Step(f"restart {instance}, which leaves first, and wait until it is ready", self._restart(instance))
        yield Step(f"look that everything runs {self.to}", self._verify)

    def blue_green(self) -> Iterator[Step]:
        """Return the steps of a change with both releases' edges at once."""
        yield from self._begin()
        yield from self._behind()
        edges = [each for each in self.host.instances() if is_edge(each)]
        for instance in edges:
            yield Step(
                f"start {other(instance)} beside {instance}, and wait until it is ready", self._start(other(instance))
            )
        yield Step(
            f"wait {self.settle_s:g} s until the balancer sends to the new ones", lambda: time.sleep(self.settle_s)
        )
        yield Step(f"stop {', '.join(edges)}, which leave first", lambda: self._stop(edges))
        yield Step(f"look that everything runs {self.to}", self._verify)

    def back(self, before: str, stopped: Sequence[str] = ()) -> Iterator[Step]:
        """Return the steps that take everything back to the release before."""
        yield Step(f"have {before} start next", lambda: self.host.switch(before))
        running = [each for each in dict.fromkeys(self.done) if self.host.version(each) != before]
        for instance in stopped:
            yield Step(f"start {instance}", self._start(instance))
        for instance in running:
            if instance.partition("@")[2].endswith(GREEN):
                yield Step(f"stop {instance}", partial(self._stop, [instance]))
            else:
                yield Step(f"restart {instance}", self._restart(instance))

    def _begin(self) -> Iterator[Step]:
        yield Step(f"migrate the databases with {self.to} (expanding only)", self._migrate)
        yield Step(f"have {self.to} start next", lambda: self.host.switch(self.to))

    def _behind(self) -> Iterator[Step]:
        sequencers = [each for each in self.host.instances() if each.startswith("sequencer")]
        if sequencers:
            yield Step(f"restart who stands by of {', '.join(sequencers)}", lambda: self._standbys(sequencers))
            yield Step(
                "have the leader hand over; it comes back as a standby of the new release",
                lambda: self._hand_over(sequencers),
            )
        for instance in (each for each in self.host.instances() if each.startswith("workers")):
            yield Step(f"restart {instance}", self._restart(instance))

    def _migrate(self) -> None:
        self.host.openbourse("migrate", version=self.to)

    def _standbys(self, sequencers: Sequence[str]) -> None:
        for instance in sequencers:
            if instance != self._leader(sequencers):
                self._restart(instance)()
                await_true("a standby of the new release could take over", REDUNDANT_S, self._is_redundant)

    def _hand_over(self, sequencers: Sequence[str]) -> None:
        former = self._leader(sequencers)
        self.done.append(former)
        self.host.openbourse("sequencer", "handover")
        await_true(f"{former} is back as {self.to}", READY_S, lambda: self.host.version(former) == self.to)
        await_true("somebody leads and another could take over", REDUNDANT_S, self._is_redundant)

    def _leader(self, sequencers: Sequence[str]) -> str:
        await_true("somebody leads and another could take over", REDUNDANT_S, self._is_redundant)
        told = self.host.openbourse("sequencer", "status")
        pid = told.split()[1].rpartition(":")[2]
        for instance in sequencers:
            if self.host.run(["systemctl", "show", "--property=MainPID", "--value", unit(instance)]).strip() == pid:
                return instance
        raise RolloutFault(f"the leader is on another machine: {told.splitlines()[0]}")

    def _is_redundant(self) -> bool:
        try:
            self.host.openbourse("sequencer", "status")
        except RolloutFault:
            return False
        return True

    def _restart(self, instance: str) -> Callable[[], None]:
        def act() -> None:
            self.done.append(instance)
            self.host.run(["systemctl", "restart", unit(instance)])
            self._await_serving(instance)

        return act

    def _start(self, instance: str) -> Callable[[], None]:
        def act() -> None:
            self.done.append(instance)
            self.host.run(["systemctl", "start", unit(instance)])
            self._await_serving(instance)

        return act

    def _await_serving(self, instance: str) -> None:
        if is_edge(instance):
            port = self.host.port(instance)
            await_true(f"{instance} is ready on port {port}", READY_S, lambda: is_ready(port))
            # The next one leaves only when the balancer has this one again.
            time.sleep(self.settle_s)

    def _stop(self, instances: Sequence[str]) -> None:
        self.host.run(["systemctl", "stop", *map(unit, instances)])

    def _verify(self) -> None:
        wrong = {each: found for each in self.host.instances() if (found := self.host.version(each)) != self.to}
        if wrong:
            raise RolloutFault(f"not {self.to}: {wrong}")


def other(instance: str) -> str:
    """Return the name of the instance that takes another's place."""
    return instance.removesuffix(GREEN) if instance.endswith(GREEN) else instance + GREEN


def perform(rollout: Rollout, steps: Iterator[Step], before: str, say: Callable[[str], None]) -> bool:
    """Do the steps; take everything back when one fails. Return whether the release is out."""
    edges = [each for each in rollout.host.instances() if is_edge(each)]
    try:
        for step in steps:
            say(step.text)
            step.act()
    except RolloutFault as fault:
        say(f"FAILED: {fault}")
        gone = [each for each in edges if each not in rollout.host.instances() and each not in rollout.done]
        for step in rollout.back(before, gone):
            say(f"back: {step.text}")
            step.act()
        return False
    return True


def say(text: str) -> None:
    """Tell the operator."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def main() -> None:
    """Roll a release out, or say how."""
    parser = argparse.ArgumentParser(prog="openbourse-rollout", description=__doc__)
    parser.add_argument("version")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and check what can be checked")
    parser.add_argument("--blue-green", action="store_true")
    parser.add_argument("--contract", action="store_true", help="see gate.py")
    parser.add_argument("--rebuild", action="store_true", help="see gate.py")
    parser.add_argument("--settle", type=float, default=SETTLE_S, metavar="S")
    given = parser.parse_args()
    host = Host()
    rollout, before = Rollout(host, given.version, given.settle), host.current()
    try:
        rollout.check([f"--{name}" for name in ("contract", "rebuild") if getattr(given, name)])
    except RolloutFault as fault:
        sys.exit(f"not begun: {fault}")
    steps = rollout.blue_green() if given.blue_green else rollout.rolling()
    if given.dry_run:
        for step in steps:
            say(f"would {step.text}")
        return
    try:
        is_out = perform(rollout, steps, before, say)
    except RolloutFault as fault:
        sys.exit(f"it could not be taken back either: {fault}")
    if not is_out:
        sys.exit(f"{given.version} was taken back; {before} runs")
    say(f"{given.version} is out; go back with: openbourse-rollout {before}")


if __name__ == "__main__":
    main()
