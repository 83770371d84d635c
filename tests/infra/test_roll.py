"""A release goes out in order, is taken back by itself where it fails, and serves beside the former one when asked to."""

from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from infra.environments import PRODUCTION, Environment
from infra.groups import SEQUENCER, Groups
from infra.recorded import recorded
from infra.release import image_of, publish, releases
from infra.roll import EDGES, ORDER, Greens, RollFault, alarms_of, cancel, roll
from tests.infra.operated import Account, clients, make_groups

REGION = PRODUCTION.region


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        make_groups(PRODUCTION)
        ec2 = clients("ec2", REGION)
        for version in ("1.2.3", "1.3.0"):
            image = ec2.register_image(Name=f"openbourse-{version}", Architecture="arm64")["ImageId"]
            tags = [{"Key": "project", "Value": "openbourse"}, {"Key": "version", "Value": version}]
            ec2.create_tags(Resources=[image], Tags=tags)
        publish(clients, PRODUCTION, "1.2.3", 0)
        yield Account()


def refreshed(account: Account) -> list[str]:
    prefix = f"{PRODUCTION.prefix}-"
    return [each["AutoScalingGroupName"].removeprefix(prefix) for each in account.asked("start_instance_refresh")]


def run(account: Account, environment: Environment, version: str, fleet: str) -> None:
    """Have a fleet's instances be of a version's image, which moto starts from another one."""
    found = image_of(clients, environment.region, version)
    assert found is not None
    ids = Groups(clients, environment).instances(fleet)
    told = clients("ec2", environment.region).describe_instances

    def describe(**given: Any) -> dict[str, Any]:
        is_theirs = set(given["InstanceIds"]) == set(ids)
        return {"Reservations": [{"Instances": [{"ImageId": found["ImageId"]}]}]} if is_theirs else told(**given)

    account.answers["describe_instances"] = describe


def now(_account: Account) -> str:
    return releases(clients, PRODUCTION)[REGION]


def test_workers_go_first_and_sequencers_last_after_a_hand_over(account: Account) -> None:
    assert roll(account, PRODUCTION, "1.3.0", poll_s=0) == "1.2.3"
    assert refreshed(account) == list(ORDER)
    assert (ORDER[0], ORDER[-1]) == ("workers", SEQUENCER)
    names = [name for name, _ in account.calls if name in ("start_instance_refresh", "send_command")]
    assert names[-2:] == ["send_command", "start_instance_refresh"]
    assert now(account) == "1.3.0"


def test_a_fleet_that_fails_takes_back_what_was_touched(account: Account) -> None:
    account.fails.add(f"{PRODUCTION.prefix}-{EDGES[0]}")
    with pytest.raises(RollFault, match=r"1\.3\.0 was taken back, 1\.2\.3 runs"):
        roll(account, PRODUCTION, "1.3.0", poll_s=0)
    assert refreshed(account) == ["workers", EDGES[0], "workers", EDGES[0]]
    assert now(account) == "1.2.3"
    # Alarms ring already when a release is taken back: they must not end that.
    preferences = [each["Preferences"] for each in account.asked("start_instance_refresh")]
    assert ["AlarmSpecification" in each for each in preferences] == [True, True, False, False]


def test_without_a_standby_that_follows_the_sequencers_are_left_alone(account: Account) -> None:
    account.command = "Failed"
    with pytest.raises(RollFault, match="no standby"):
        roll(account, PRODUCTION, "1.3.0", poll_s=0)
    assert SEQUENCER not in refreshed(account)


@pytest.mark.parametrize("is_blue_green", [False, True])
def test_a_call_that_aws_refuses_takes_the_release_back(account: Account, is_blue_green: bool) -> None:
    account.answers["describe_alarms"] = lambda **_given: {"MetricAlarms": []}
    account.refuses("send_command", "AccessDeniedException")
    with pytest.raises(RollFault, match=r"1\.3\.0 was taken back, 1\.2\.3 runs: .*AccessDenied"):
        roll(account, PRODUCTION, "1.3.0", is_blue_green, 0, 0)
    assert refreshed(account) == list(ORDER[:-1]) * 2
    assert groups(account) == set()
    assert now(account) == "1.2.3"


def test_a_way_back_that_aws_refuses_is_told_and_ends_green(account: Account) -> None:
    account.answers["describe_alarms"] = lambda **_given: {"MetricAlarms": []}
    account.refuses("start_instance_refresh", "ThrottlingException")
    with pytest.raises(RollFault, match=r"1\.2\.3 could not be brought back to workers: .*Throttling"):
        roll(account, PRODUCTION, "1.3.0", True, 0, 0)
    assert groups(account) == set()
    assert now(account) == "1.2.3"


def test_all_that_is_left_undone_is_told_at_once(account: Account) -> None:
    """Whoever reads it must know that the former release does not run, not only that a group is left."""
    account.answers["describe_alarms"] = lambda **_given: {"MetricAlarms": []}
    account.refuses("start_instance_refresh", "ThrottlingException")
    account.refuses("delete_auto_scaling_group", "ThrottlingException")
    told = r"1\.2\.3 could not be brought back to workers: .*, but second groups are left: .*Throttling"
    with pytest.raises(RollFault, match=told):
        roll(account, PRODUCTION, "1.3.0", True, 0, 0)


def test_second_groups_that_cannot_be_ended_take_nothing_back(account: Account) -> None:
    account.answers["describe_alarms"] = lambda **_given: {"MetricAlarms": []}
    account.refuses("delete_auto_scaling_group", "ThrottlingException")
    with pytest.raises(RollFault, match=r"1\.3\.0 runs everywhere, but second groups are left: .*Throttling"):
        roll(account, PRODUCTION, "1.3.0", True, 0, 0)
    assert refreshed(account) == list(ORDER)
    assert now(account) == "1.3.0"


def test_what_is_named_already_is_taken_back_to_what_still_runs(account: Account) -> None:
    """A command that died has named its release; asked for again, it must not take it back to itself."""
    run(account, PRODUCTION, "1.2.3", SEQUENCER)
    publish(clients, PRODUCTION, "1.3.0", 0)
    account.command = "Failed"
    with pytest.raises(RollFault, match=r"1\.3\.0 was taken back, 1\.2\.3 runs"):
        roll(account, PRODUCTION, "1.3.0", poll_s=0)
    assert now(account) == "1.2.3"


def test_where_nothing_else_ran_no_way_back_is_promised(account: Account) -> None:
    publish(clients, PRODUCTION, "1.3.0", 0)
    account.command = "Failed"
    with pytest.raises(RollFault, match=r"1\.3\.0 failed \(.*\), and there is no other release to take it back to"):
        roll(account, PRODUCTION, "1.3.0", poll_s=0)
    assert now(account) == "1.3.0"
    account.command = "Success"
    assert roll(account, PRODUCTION, "1.3.0", poll_s=0) == ""


def test_a_release_without_an_image_touches_nothing(account: Account) -> None:
    with pytest.raises(RollFault, match="bake it first"):
        roll(account, PRODUCTION, "9.9.9", poll_s=0)
    assert refreshed(account) == []
    assert now(account) == "1.2.3"


def groups(account: Account) -> set[str]:
    found = clients("autoscaling", REGION).describe_auto_scaling_groups()["AutoScalingGroups"]
    return {each["AutoScalingGroupName"] for each in found if each["AutoScalingGroupName"].endswith("-green")}


def test_blue_and_green_serve_together_and_green_goes_when_blue_is_new(account: Account) -> None:
    seen: list[set[str]] = []

    def quiet(**_given: Any) -> dict[str, Any]:
        seen.append(groups(account))
        return {"MetricAlarms": []}

    account.answers["describe_alarms"] = quiet
    roll(account, PRODUCTION, "1.3.0", True, 0, 0.05)
    assert seen[0] == {f"{PRODUCTION.prefix}-{fleet}-green" for fleet in EDGES}
    assert refreshed(account) == list(ORDER)
    assert groups(account) == set()
    # Drained first: of a group that is deleted with its instances AWS promises nothing but that it does not wait.
    ends = [name for name, given in account.calls if name.startswith("delete_") or given.get("DesiredCapacity") == 0]
    assert ends == ["update_auto_scaling_group"] * len(EDGES) + ["delete_auto_scaling_group"] * len(EDGES)
    made = account.asked("create_auto_scaling_group")
    assert {tag["Value"] for each in made for tag in each["Tags"]} == set(EDGES)


def test_an_alarm_while_both_serve_ends_green_and_blue_never_went(account: Account) -> None:
    account.answers["describe_alarms"] = lambda **given: {"MetricAlarms": [{"AlarmName": given["AlarmNames"][0]}]}
    with pytest.raises(RollFault, match="these alarms ring"):
        roll(account, PRODUCTION, "1.3.0", True, 0, 5)
    assert refreshed(account) == []
    assert groups(account) == set()
    assert now(account) == "1.2.3"


def test_what_a_dead_command_has_left_is_ended(account: Account) -> None:
    Greens(account, PRODUCTION, 0).start()
    account.statuses[f"{PRODUCTION.prefix}-gateway"] = ["InProgress", "InProgress"]
    cancel(account, PRODUCTION, 0)
    assert groups(account) == set()
    assert [each["AutoScalingGroupName"] for each in account.asked("cancel_instance_refresh")] == [
        f"{PRODUCTION.prefix}-gateway"
    ]


def test_the_alarms_that_end_a_roll_are_there() -> None:
    named = {
        properties["AlarmName"]
        for template in recorded()
        for _, properties in template.of_type("AWS::CloudWatch::Alarm")
    }
    assert set(alarms_of(PRODUCTION)) <= named
