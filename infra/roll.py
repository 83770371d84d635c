"""`python -m infra.roll VERSION --environment NAME [--blue-green]`: bring a baked release out to every fleet, or take it back.

Workers first, then edges, the sequencers last: a standby that follows is handed the lead before the first of them goes. Each
group is refreshed by AWS, an instance at a time, and an alarm on answers ends it. What fails is taken back by itself: the former
image is named again, and every fleet that was touched is refreshed with it. Migrations go before (docs/aws/deploy.md).

`--blue-green` starts a second group of each edge beside the first, in the same balancers, waits, and only then refreshes the
first: while both run, ending the second takes everything back at once. A release that is bad already is taken back by the same
command with the former version; `--cancel` ends what is under way first.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

from infra.environments import ENVIRONMENTS, Environment
from infra.groups import SEQUENCER, STOPPED_S_MAX, GroupFault, Groups
from infra.release import AWS_FAULTS, NO_VERSION, Clients, ReleaseFault, clients, publish, releases, versions_of
from openbourse.roles import FLEETS

EDGES: Final = tuple(fleet.name for fleet in FLEETS if fleet.health_path)
ORDER: Final = ("workers", *EDGES, SEQUENCER)
ALARMS: Final = ("answers-failing", "balancer-failing", "answers-slow")
GREEN: Final = "green"
GREEN_S_MAX: Final = 900.0
SOAK_S: Final = 600.0
"""For how long both releases serve before the first one is replaced: as long as the slowest of the alarms needs, twice."""
COPIED: Final = (
    "MaxSize", "MinSize", "DesiredCapacity", "VPCZoneIdentifier", "MixedInstancesPolicy", "TargetGroupARNs", "HealthCheckType",
    "HealthCheckGracePeriod", "DefaultInstanceWarmup", "CapacityRebalance", "TerminationPolicies",
    "AvailabilityZoneDistribution", "InstanceMaintenancePolicy",
)  # fmt: skip
"""What a second group has of the first."""


FAULTS: Final = (GroupFault, ReleaseFault, *AWS_FAULTS)
"""All that ends a roll: a release that fails, and any call that AWS refuses on the way."""


class RollFault(Exception):
    """A release was not brought out; the text says what was done about it."""


def alarms_of(environment: Environment) -> list[str]:
    """Return the alarms that end a refresh."""
    return [f"{environment.prefix}-{name}" for name in ALARMS]


def roll(
    clients: Clients, environment: Environment, version: str, is_blue_green: bool = False,
    poll_s: float = 15.0, soak_s: float = SOAK_S,
) -> str:  # fmt: skip
    """Bring a version out; return the former one, "" without one. Raises RollFault when the former one runs again, or should."""
    groups, touched = Groups(clients, environment, poll_s), list[str]()
    former = _former(clients, environment, version, groups)
    greens = Greens(clients, environment, poll_s)
    try:
        publish(clients, environment, version, poll_s)
        if is_blue_green:
            greens.start()
            greens.watch(soak_s, alarms_of(environment))
        for fleet in ORDER:
            if fleet == SEQUENCER:
                groups.hand_over()
            touched.append(fleet)
            groups.refresh(fleet, alarms_of(environment))
    except FAULTS as fault:
        told = f"{version} was taken back, {former} runs: {fault}"
        try:
            _take_back(clients, environment, former, touched, poll_s)
        except RollFault as worse:
            told = f"{version} failed ({fault}), and {worse}"
        _end(greens, told)
        raise RollFault(told) from fault
    _end(greens, f"{version} runs everywhere")
    return former


def _former(clients: Clients, environment: Environment, version: str, groups: Groups) -> str:
    """Return the version to go back to: the one that is named, or where that is this one already, the one that still runs.

    A command that died on its way has named the release that it was to bring out; asked for again, that is no way back.
    Those are asked last that are refreshed last.
    """
    named = releases(clients, environment)[environment.region]
    if named != version and named not in NO_VERSION:
        return named
    for fleet in reversed(ORDER):
        found = versions_of(clients, environment.region, groups.images(fleet)).values()
        if older := [each for each in found if each != version]:
            return older[0]
    return ""


def _take_back(clients: Clients, environment: Environment, former: str, touched: Sequence[str], poll_s: float) -> None:
    """Name the former image and refresh what was touched, without alarms: they ring already. Raises RollFault."""
    if not former:
        raise RollFault("there is no other release to take it back to: none is named, and none runs")
    groups = Groups(clients, environment, poll_s)
    try:
        publish(clients, environment, former, poll_s)
        for fleet in touched:
            groups.cancel(fleet)
            groups.refresh(fleet)
    except FAULTS as fault:
        raise RollFault(f"{former} could not be brought back to {', '.join(touched) or 'anything'}: {fault}") from fault


def _end(greens: "Greens", what: str) -> None:
    """End the second groups. Raises RollFault, which tells what became of the first ones."""
    try:
        greens.end()
    except FAULTS as fault:
        raise RollFault(f"{what}, but second groups are left: {fault}") from fault


class Greens:
    """Second groups of the edges, in the balancers of the first ones; they stand only while a release is brought out."""

    def __init__(self, clients: Clients, environment: Environment, poll_s: float) -> None:
        self._scaling = clients("autoscaling", environment.region)
        self._balancing = clients("elbv2", environment.region)
        self._watching = clients("cloudwatch", environment.region)
        self._environment = environment
        self._poll_s = poll_s
        self._started: list[str] = []

    def start(self) -> None:
        """Start one beside each edge's group; return when every instance is in its balancers. Raises GroupFault."""
        for fleet in EDGES:
            name = f"{self._environment.prefix}-{fleet}"
            blue = self._group(name)
            tags = [
                {key: tag[key] for key in ("Key", "Value", "PropagateAtLaunch")} | {"ResourceId": f"{name}-{GREEN}"}
                for tag in blue["Tags"]
                if not tag["Key"].startswith("aws:")
            ]
            like = {key: blue[key] for key in COPIED if key in blue}
            # Told by id and by name, and taken by one of them only.
            like["MixedInstancesPolicy"]["LaunchTemplate"]["LaunchTemplateSpecification"].pop(
                "LaunchTemplateName", None
            )
            self._scaling.create_auto_scaling_group(AutoScalingGroupName=f"{name}-{GREEN}", Tags=tags, **like)
            self._started.append(f"{name}-{GREEN}")
        limit = time.monotonic() + GREEN_S_MAX
        while short := [name for name in self._started if not self._serves(name)]:
            if time.monotonic() > limit:
                raise GroupFault(f"not in their balancers after {GREEN_S_MAX:g} s: {short}")
            time.sleep(self._poll_s)

    def _group(self, name: str) -> dict[str, Any]:
        [group] = self._scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
        return dict(group)

    def _serves(self, name: str) -> bool:
        group = self._group(name)
        own = {each["InstanceId"] for each in group["Instances"] if each["LifecycleState"] == "InService"}
        return len(own) >= group["DesiredCapacity"] and all(
            own <= self._healthy(arn) for arn in group["TargetGroupARNs"]
        )

    def _healthy(self, target_group: str) -> set[str]:
        told = self._balancing.describe_target_health(TargetGroupArn=target_group)["TargetHealthDescriptions"]
        return {each["Target"]["Id"] for each in told if each["TargetHealth"]["State"] == "healthy"}

    def watch(self, seconds: float, alarms: Sequence[str]) -> None:
        """Let both serve for a while. Raises GroupFault when an alarm rings meanwhile."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            told: Any = self._watching.describe_alarms(AlarmNames=list(alarms), StateValue="ALARM")
            ringing = [each["AlarmName"] for each in told["MetricAlarms"]]
            if ringing:
                raise GroupFault(f"both releases serve, and these alarms ring: {ringing}")
            time.sleep(self._poll_s)

    def find(self) -> None:
        """Take those over that a command has left which did not come to its end."""
        names = [f"{self._environment.prefix}-{fleet}-{GREEN}" for fleet in EDGES]
        found = self._scaling.describe_auto_scaling_groups(AutoScalingGroupNames=names)["AutoScalingGroups"]
        self._started = [each["AutoScalingGroupName"] for each in found]

    def end(self) -> None:
        """End them: their balancers drain them first, as nobody promises of a group that is deleted with its instances.

        Raises GroupFault when one still has instances after a while.
        """
        for name in self._started:
            self._scaling.update_auto_scaling_group(AutoScalingGroupName=name, MinSize=0, DesiredCapacity=0)
        limit = time.monotonic() + STOPPED_S_MAX
        while left := [name for name in self._started if self._group(name)["Instances"]]:
            if time.monotonic() > limit:
                raise GroupFault(f"instances are left after {STOPPED_S_MAX:g} s: {left}")
            time.sleep(self._poll_s)
        for name in self._started:
            # By force: the last of its activities may not have ended yet.
            self._scaling.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)
        self._started.clear()


def cancel(clients: Clients, environment: Environment, poll_s: float = 15.0) -> None:
    """End what a command has begun that did not come to its end: refreshes and second groups. Raises GroupFault."""
    for fleet in ORDER:
        Groups(clients, environment, poll_s).cancel(fleet)
    greens = Greens(clients, environment, poll_s)
    greens.find()
    greens.end()


def parser() -> argparse.ArgumentParser:
    """Return what the command line takes."""
    found = argparse.ArgumentParser(prog="python -m infra.roll", description=__doc__)
    found.add_argument("version")
    found.add_argument("--environment", choices=list(ENVIRONMENTS), required=True)
    found.add_argument("--blue-green", action="store_true")
    found.add_argument("--cancel", action="store_true", help="end refreshes and second groups that are there first")
    return found


def main() -> int:
    """Bring a version out."""
    given = parser().parse_args()
    environment = ENVIRONMENTS[given.environment]
    try:
        if given.cancel:
            cancel(clients, environment)
        former = roll(clients, environment, given.version, given.blue_green)
    except (RollFault, *FAULTS) as fault:
        sys.stderr.write(f"{fault}\n")
        return 1
    back = f"; back: python -m infra.roll {former} --environment {environment.name}" if former else ""
    sys.stdout.write(f"{given.version} runs everywhere{back}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
