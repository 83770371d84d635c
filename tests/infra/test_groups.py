"""Fleets are stopped whoever is protected, started at the sizes of their environment, refreshed and waited for."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from deploy.rollout import Host
from infra.environments import PRODUCTION
from infra.groups import FLEET_NAMES, HAND_OVER, GroupFault, Groups
from tests.infra.operated import Account, clients, denied, make_groups


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        make_groups(PRODUCTION)
        yield Account()


def test_all_fleets_are_stopped_and_started(account: Account) -> None:
    groups = Groups(account, PRODUCTION, 0)
    assert len(groups.instances("sequencer")) == 2
    groups.stop()
    assert [groups.instances(fleet) for fleet in FLEET_NAMES] == [[]] * len(FLEET_NAMES)
    assert any("sequencer" in given["AutoScalingGroupName"] for given in account.asked("set_instance_protection"))
    groups.start()
    assert {fleet: len(groups.instances(fleet)) for fleet in FLEET_NAMES} == {
        fleet: PRODUCTION.fleets[fleet].least for fleet in FLEET_NAMES
    }


NEXT = {"Pending": "InService", "InService": "InService", "Terminating": "gone", "gone": "gone"}


def in_states(account: Account, fleet: str, *states: str) -> list[str]:
    """Have the instances of a fleet be in these states, and AWS refuse what it refuses of them; return their ids."""
    told = clients("autoscaling", PRODUCTION.region).describe_auto_scaling_groups
    protect = clients("autoscaling", PRODUCTION.region).set_instance_protection
    name = f"{PRODUCTION.prefix}-{fleet}"
    [group] = told(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    left = {each["InstanceId"]: state for each, state in zip(group["Instances"], states, strict=True)}
    ids = list(left)

    def describe(**given: Any) -> dict[str, Any]:
        found: dict[str, Any] = told(**given)
        own = found["AutoScalingGroups"][0]
        own["Instances"] = [each for each in own["Instances"] if left.get(each["InstanceId"]) != "gone"]
        for each in own["Instances"]:
            each["LifecycleState"] = left.get(each["InstanceId"], each["LifecycleState"])
        # By the next time one that begins has begun, and one that ends is gone.
        left.update({each: NEXT[state] for each, state in left.items() if given["AutoScalingGroupNames"] == [name]})
        return found

    def refuse(**given: Any) -> dict[str, Any]:
        if any(left.get(each, "InService") != "InService" for each in given["InstanceIds"]):
            raise denied("ValidationError")
        done: dict[str, Any] = protect(**given)
        return done

    account.answers["describe_auto_scaling_groups"] = describe
    account.answers["set_instance_protection"] = refuse
    return ids


@pytest.mark.parametrize("state", ["Pending", "Terminating"])
def test_what_begins_or_ends_does_not_keep_a_fleet_from_being_stopped(account: Account, state: str) -> None:
    """AWS: "is not in InService or EnteringStandby or Standby"; a stop that is asked for twice meets that, too."""
    ids = in_states(account, "sequencer", "InService", state)
    Groups(account, PRODUCTION, 0).stop()
    asked = [each for given in account.asked("set_instance_protection") for each in given["InstanceIds"]]
    assert set(asked) == (set(ids) if state == "Pending" else set(ids[:1]))


def test_the_lead_is_handed_over_by_one_that_serves(account: Account) -> None:
    ids = in_states(account, "sequencer", "Terminating", "InService")
    Groups(account, PRODUCTION, 0).hand_over()
    assert account.asked("send_command")[0]["InstanceIds"] == ids[1:]


def test_sequencers_are_refreshed_though_they_are_protected(account: Account) -> None:
    groups = Groups(account, PRODUCTION, 0)
    groups.refresh("sequencer")
    groups.refresh("gateway", ["openbourse-production-answers-failing"])
    sequencer, gateway = (given["Preferences"] for given in account.asked("start_instance_refresh"))
    assert (sequencer["ScaleInProtectedInstances"], sequencer["MinHealthyPercentage"]) == ("Refresh", 100)
    assert (gateway["ScaleInProtectedInstances"], gateway["SkipMatching"]) == ("Ignore", False)
    assert gateway["AlarmSpecification"] == {"Alarms": ["openbourse-production-answers-failing"]}


def test_a_refresh_that_fails_is_told_with_its_reason(account: Account) -> None:
    account.fails.add("openbourse-production-gateway")
    with pytest.raises(GroupFault, match="openbourse-production-gateway: Failed: of the test"):
        Groups(account, PRODUCTION, 0).refresh("gateway")


def test_what_is_under_way_is_cancelled_and_nothing_else(account: Account) -> None:
    groups = Groups(account, PRODUCTION, 0)
    groups.cancel("gateway")
    assert not account.asked("cancel_instance_refresh")
    account.statuses["openbourse-production-gateway"] = ["InProgress", "InProgress"]
    groups.cancel("gateway")
    assert len(account.asked("cancel_instance_refresh")) == 1


def test_a_leader_that_nobody_could_follow_does_not_hand_over(account: Account) -> None:
    groups = Groups(account, PRODUCTION, 0)
    groups.hand_over()
    [asked] = account.asked("send_command")
    assert asked["InstanceIds"][0] in groups.instances("sequencer")
    account.command = "Failed"
    with pytest.raises(GroupFault, match="no hand-over: no standby"):
        groups.hand_over()


def test_a_command_that_aws_does_not_know_yet_has_not_ended(account: Account) -> None:
    unknown = [denied("InvocationDoesNotExist")] * 2

    def told(**_given: Any) -> dict[str, Any]:
        if unknown:
            raise unknown.pop()
        return {"Status": "Success"}

    account.answers["get_command_invocation"] = told
    Groups(account, PRODUCTION, 0).hand_over()
    assert not unknown


def test_another_refusal_of_the_hand_over_is_told(account: Account) -> None:
    account.refuses("get_command_invocation", "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDenied"):
        Groups(account, PRODUCTION, 0).hand_over()


def test_the_lead_is_handed_over_as_a_rollout_on_one_machine_does_it() -> None:
    ran: list[str] = []

    def remember(words: Sequence[str]) -> str:
        ran.append(" ".join(words))
        return ""

    Host(remember).openbourse("sequencer", "handover")
    assert ran == [HAND_OVER]


def test_a_group_that_is_not_there_is_named(account: Account) -> None:
    clients("autoscaling", PRODUCTION.region).delete_auto_scaling_group(
        AutoScalingGroupName="openbourse-production-workers", ForceDelete=True
    )
    with pytest.raises(GroupFault, match="no group openbourse-production-workers"):
        Groups(account, PRODUCTION, 0).stop()
