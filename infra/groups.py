"""`python -m infra.groups stop|start --environment NAME [--fleet NAME]`: end or raise the instances of fleets.

Stopping ends those too that are protected from scale-in, and returns when they are gone; starting gives the sizes of the
environment. What brings releases out and what restores the database use the same.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from botocore.exceptions import ClientError

from infra.environments import ENVIRONMENTS, Environment
from infra.release import AWS_FAULTS, Clients, clients
from openbourse.roles import FLEETS

SEQUENCER: Final = "sequencer"
FLEET_NAMES: Final = tuple(fleet.name for fleet in FLEETS)
SERVES: Final = "InService"
IDS_A_CALL: Final = 19
"""The most that the call takes which ends a protection."""
STOPPED_S_MAX: Final = 900.0
REFRESHED_S_MAX: Final = 7_200.0
HANDED_OVER_S_MAX: Final = 120.0
WARM_UP_S: Final = 90
ENDED: Final = frozenset({"Successful", "Failed", "Cancelled", "RollbackFailed", "RollbackSuccessful"})
COMMAND_ENDED: Final = frozenset({"Success", "Failed", "Cancelled", "TimedOut"})
NOT_TOLD_YET: Final = "InvocationDoesNotExist"
"""What AWS says of a command for a moment after it took it: what it tells is eventually consistent."""
HAND_OVER: Final = (
    "systemd-run --wait --pipe --quiet -pEnvironmentFile=/etc/openbourse/venue.env -pUser=openbourse -pWorkingDirectory=/tmp"
    " /opt/openbourse/current/bin/openbourse sequencer handover"
)
"""As openbourse-rollout does it on one machine (deploy/rollout.py)."""


class GroupFault(Exception):
    """A group did not come to where it should; the text says where it stands."""


class Groups:
    """The groups of an environment in one Region."""

    def __init__(self, clients: Clients, environment: Environment, poll_s: float = 15.0) -> None:
        self._scaling = clients("autoscaling", environment.region)
        self._ssm = clients("ssm", environment.region)
        self._ec2 = clients("ec2", environment.region)
        self._environment = environment
        self._poll_s = poll_s

    def name(self, fleet: str) -> str:
        """Return the name of a fleet's group."""
        return f"{self._environment.prefix}-{fleet}"

    def instances(self, fleet: str) -> list[str]:
        """Return the ids of the instances of a fleet, of those too that begin or end."""
        return [str(each["InstanceId"]) for each in self._machines(fleet)]

    def _machines(self, fleet: str) -> list[dict[str, Any]]:
        found = self._scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[self.name(fleet)])
        if not found["AutoScalingGroups"]:
            raise GroupFault(f"there is no group {self.name(fleet)}")
        return list(found["AutoScalingGroups"][0]["Instances"])

    def images(self, fleet: str) -> list[str]:
        """Return the images that a fleet's instances were started from."""
        ids = self.instances(fleet)
        told = self._ec2.describe_instances(InstanceIds=ids)["Reservations"] if ids else []
        return sorted({str(each["ImageId"]) for some in told for each in some["Instances"]})

    def stop(self, fleets: Sequence[str] = FLEET_NAMES) -> None:
        """End every instance of fleets. Raises GroupFault when one is still there after a while."""
        self._until(
            lambda: sum(self._end_some(fleet) for fleet in fleets) == 0,
            STOPPED_S_MAX,
            f"one of {fleets} has instances",
        )

    def _end_some(self, fleet: str) -> int:
        """End what may be ended now; return how many instances there were.

        What is protected from scale-in is ended by no size; AWS takes that from those alone that serve, and refuses the
        call for one that begins, whose turn comes when it does, or that ends, which needs it no more.
        """
        machines = self._machines(fleet)
        kept = [
            str(each["InstanceId"])
            for each in machines
            if each["ProtectedFromScaleIn"] and each["LifecycleState"] == SERVES
        ]
        for ids in _in_parts(kept):
            self._scaling.set_instance_protection(
                AutoScalingGroupName=self.name(fleet), InstanceIds=ids, ProtectedFromScaleIn=False
            )
        self._scaling.update_auto_scaling_group(AutoScalingGroupName=self.name(fleet), MinSize=0, DesiredCapacity=0)
        return len(machines)

    def start(self, fleets: Sequence[str] = FLEET_NAMES) -> None:
        """Give fleets the sizes of their environment."""
        for fleet in fleets:
            least = self._environment.fleets[fleet].least
            self._scaling.update_auto_scaling_group(
                AutoScalingGroupName=self.name(fleet), MinSize=least, DesiredCapacity=least
            )

    def refresh(self, fleet: str, alarms: Sequence[str] = ()) -> None:
        """Replace a fleet's instances by ones of the image that is named now, one after another. Raises GroupFault."""
        preferences: dict[str, Any] = {
            "MinHealthyPercentage": 100,
            "MaxHealthyPercentage": 150 if fleet == SEQUENCER else 134,
            "InstanceWarmup": WARM_UP_S,
            # The template is the same one: it names a parameter, and not the image.
            "SkipMatching": False,
            # The default waits an hour for the protection of sequencers to go, and fails.
            "ScaleInProtectedInstances": "Refresh" if fleet == SEQUENCER else "Ignore",
            "StandbyInstances": "Ignore",
        }
        if alarms:
            preferences["AlarmSpecification"] = {"Alarms": list(alarms)}
        began = self._scaling.start_instance_refresh(
            AutoScalingGroupName=self.name(fleet), Strategy="Rolling", Preferences=preferences
        )["InstanceRefreshId"]
        self._until(
            lambda: self._refreshes(fleet, began)[0]["Status"] in ENDED, REFRESHED_S_MAX, f"{fleet} is refreshed"
        )
        [done] = self._refreshes(fleet, began)
        if done["Status"] != "Successful":
            raise GroupFault(f"{self.name(fleet)}: {done['Status']}: {done.get('StatusReason', '')}")

    def cancel(self, fleet: str) -> None:
        """End the refresh of a fleet that is under way, if there is one; what it has replaced stays."""
        newest = self._refreshes(fleet)
        if not newest or newest[0]["Status"] in ENDED:
            return
        self._scaling.cancel_instance_refresh(AutoScalingGroupName=self.name(fleet))
        self._until(lambda: self._refreshes(fleet)[0]["Status"] in ENDED, STOPPED_S_MAX, f"{fleet} is refreshed")

    def _refreshes(self, fleet: str, identity: str = "") -> list[dict[str, Any]]:
        ids = {"InstanceRefreshIds": [identity]} if identity else {}
        found = self._scaling.describe_instance_refreshes(AutoScalingGroupName=self.name(fleet), MaxRecords=1, **ids)
        return list(found["InstanceRefreshes"])

    def hand_over(self) -> None:
        """Have the leader hand over to a standby that follows. Raises GroupFault when none could take over."""
        instances = [str(each["InstanceId"]) for each in self._machines(SEQUENCER) if each["LifecycleState"] == SERVES]
        if not instances:
            raise GroupFault(f"{self.name(SEQUENCER)} has no instance that serves")
        command = self._ssm.send_command(
            InstanceIds=instances[:1],
            DocumentName="AWS-RunShellScript",
            Comment="hand over before a refresh",
            Parameters={"commands": [HAND_OVER], "executionTimeout": [str(int(HANDED_OVER_S_MAX))]},
        )["Command"]["CommandId"]

        def told() -> dict[str, Any]:
            try:
                found: dict[str, Any] = self._ssm.get_command_invocation(CommandId=command, InstanceId=instances[0])
            except ClientError as fault:
                if fault.response["Error"]["Code"] != NOT_TOLD_YET:
                    raise
                return {"Status": "Pending"}
            return found

        self._until(lambda: told()["Status"] in COMMAND_ENDED, HANDED_OVER_S_MAX, "the hand-over runs")
        done = told()
        if done["Status"] != "Success":
            raise GroupFault(f"no hand-over: {done['StandardErrorContent'] or done['StandardOutputContent']}")

    def _until(self, is_done: Callable[[], bool], seconds: float, what: str) -> None:
        limit = time.monotonic() + seconds
        while not is_done():
            if time.monotonic() > limit:
                raise GroupFault(f"{what} still after {seconds:g} s")
            time.sleep(self._poll_s)


def _in_parts(ids: Sequence[str]) -> Iterator[list[str]]:
    for begin in range(0, len(ids), IDS_A_CALL):
        yield list(ids[begin : begin + IDS_A_CALL])


def parser() -> argparse.ArgumentParser:
    """Return what the command line takes."""
    found = argparse.ArgumentParser(prog="python -m infra.groups", description=__doc__)
    found.add_argument("what", choices=["stop", "start"])
    found.add_argument("--environment", choices=list(ENVIRONMENTS), required=True)
    found.add_argument("--fleet", action="append", choices=FLEET_NAMES, help="only this one, and others named so")
    return found


def main() -> int:
    """Stop or start."""
    given = parser().parse_args()
    groups = Groups(clients, ENVIRONMENTS[given.environment])
    try:
        (groups.stop if given.what == "stop" else groups.start)(given.fleet or FLEET_NAMES)
    except (GroupFault, *AWS_FAULTS) as fault:
        sys.stderr.write(f"{fault}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
