"""The database of a moment takes the place of the one that is there, under its name, with what RDS leaves out."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto import mock_aws

from infra.environments import DEV, PRODUCTION, STAGING, Environment
from infra.groups import FLEET_NAMES, Groups
from infra.plan import secret_name
from infra.restore import RestoreFault, restore
from openbourse.roles import Need
from tests.infra.operated import Account, clients, make_groups

MOMENT = datetime.now(UTC) - timedelta(hours=2)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield Account()


def stand(
    account: Account, environment: Environment, rotated: tuple[str, ...] = (), gib: int = 200, iops: int = 3_000
) -> str:
    """Make an environment's groups, secrets and database; return the database's name."""
    make_groups(environment)
    name, region = f"{environment.prefix}-journal", environment.region
    rds, secrets = clients("rds", region), clients("secretsmanager", region)
    subnets = [each["SubnetId"] for each in clients("ec2", region).describe_subnets()["Subnets"][:3]]
    rds.create_db_subnet_group(DBSubnetGroupName="zones", DBSubnetGroupDescription="zones", SubnetIds=subnets)
    common = {"MasterUsername": "master", "MasterUserPassword": "of-the-test", "DBSubnetGroupName": "zones"}
    if environment is PRODUCTION:
        rds.create_db_cluster(
            DBClusterIdentifier=name, Engine="postgres", DBClusterInstanceClass="db.m6gd.large", AllocatedStorage=gib, Iops=iops,
            StorageEncrypted=True, KmsKeyId="alias/ours", EnableCloudwatchLogsExports=["postgresql"], **common,
        )  # fmt: skip
    else:
        rds.create_db_parameter_group(
            DBParameterGroupName="ours", DBParameterGroupFamily="postgres18", Description="commits that last"
        )
        rds.create_db_instance(
            DBInstanceIdentifier=name, Engine="postgres", DBInstanceClass="db.m7g.large", AllocatedStorage=gib, Iops=iops,
            MaxAllocatedStorage=gib * 2, StorageEncrypted=True, KmsKeyId="alias/ours", DBParameterGroupName="ours", VpcSecurityGroupIds=["sg-1"],
            EnableCloudwatchLogsExports=["postgresql"], **common,
        )  # fmt: skip
    if environment is STAGING:
        rds.create_db_instance_read_replica(DBInstanceIdentifier=f"{name}-replica", SourceDBInstanceIdentifier=name)
    for need in (Need.JOURNAL, Need.DATABASE):
        secrets.create_secret(Name=secret_name(environment, need), SecretString="{}")
    told = {name: {"LastRotatedDate": datetime.now(UTC)} for name in rotated}
    account.answers["describe_secret"] = lambda **given: told.get(given["SecretId"], {})
    account.answers["rotate_secret"] = lambda **_given: {}
    cluster, instance = rds.describe_db_clusters, rds.describe_db_instances
    account.answers["describe_db_clusters"] = lambda **given: restorable(cluster(**given), "DBClusters")
    account.answers["describe_db_instances"] = lambda **given: restorable(instance(**given), "DBInstances")
    return name


def restorable(told: dict[str, Any], key: str) -> dict[str, Any]:
    """Return what is told with the window in it, which moto leaves out."""
    window = {
        "EarliestRestorableTime": datetime.now(UTC) - timedelta(days=7),
        "LatestRestorableTime": datetime.now(UTC) - timedelta(minutes=5),
    }
    return {key: [{**each, **window} for each in told[key]]}


def test_a_cluster_is_restored_under_its_own_name(account: Account) -> None:
    name = stand(account, PRODUCTION)
    given_up = restore(account, PRODUCTION, MOMENT, poll_s=0)
    told = {
        each["DBClusterIdentifier"] for each in clients("rds", PRODUCTION.region).describe_db_clusters()["DBClusters"]
    }
    assert told == {name, given_up}
    [asked] = account.asked("restore_db_cluster_to_point_in_time")
    assert asked["RestoreToTime"] == MOMENT
    # What RDS gives the restored one by itself: the default security group, no protection, no text.
    assert asked["DeletionProtection"] is True
    assert asked["EnableCloudwatchLogsExports"] == ["postgresql"]
    assert asked["DBSubnetGroupName"] == "zones"
    assert asked["DBClusterInstanceClass"] == PRODUCTION.database_class
    assert any(each.get("ManageMasterUserPassword") for each in account.asked("modify_db_cluster"))
    assert all(Groups(clients, PRODUCTION).instances(fleet) == [] for fleet in FLEET_NAMES)


def test_everything_is_stopped_before_anything_is_restored_and_names_change_last(account: Account) -> None:
    stand(account, PRODUCTION)
    said: list[str] = []
    restore(account, PRODUCTION, MOMENT, said.append, 0)
    order = [name for name, _ in account.calls]
    assert order.index("update_auto_scaling_group") < order.index("restore_db_cluster_to_point_in_time")
    assert order.index("restore_db_cluster_to_point_in_time") < order.index("modify_db_cluster")
    assert [line.partition(" ")[0] for line in said] == ["stopping", "restoring", "the"]


def test_an_instance_with_a_replica_gets_a_new_one(account: Account) -> None:
    changed = (secret_name(STAGING, Need.JOURNAL), f"openbourse/{STAGING.name}/database-master")
    name = stand(account, STAGING, changed)
    given_up = restore(account, STAGING, MOMENT, poll_s=0)
    told = clients("rds", STAGING.region).describe_db_instances()["DBInstances"]
    assert {each["DBInstanceIdentifier"] for each in told} == {
        name, given_up, f"{name}-replica", given_up.replace("-given-up", "-replica-given-up"),
    }  # fmt: skip
    [asked] = account.asked("restore_db_instance_to_point_in_time")
    assert asked["MultiAZ"] is True
    assert asked["DBParameterGroupName"] == "ours"
    # AWS refuses this below 400 GiB.
    assert "Iops" not in asked
    # The restored one has the passwords of then.
    assert account.asked("rotate_secret") == [{"SecretId": name} for name in changed]


@pytest.mark.parametrize("environment", [PRODUCTION, DEV])
def test_a_database_that_was_enlarged_is_restored_with_the_disks_it_has(
    account: Account, environment: Environment
) -> None:
    stand(account, environment, (), 600, 14_000)
    restore(account, environment, MOMENT, poll_s=0)
    [asked] = [given for name, given in account.calls if name.startswith("restore_db_")]
    assert asked["Iops"] == 14_000
    assert environment is PRODUCTION or asked["MaxAllocatedStorage"] == 1_200


def test_a_size_has_the_least_that_aws_takes_with_it() -> None:
    assert PRODUCTION.database_iops == 3_000
    assert replace(PRODUCTION, database_gib=400).database_iops == 12_000


def test_the_cheapest_one_too(account: Account) -> None:
    name = stand(account, DEV)
    restore(account, DEV, MOMENT, poll_s=0)
    assert any(
        each["DBInstanceIdentifier"] == name and each.get("ManageMasterUserPassword")
        for each in account.asked("modify_db_instance")
    )


@pytest.mark.parametrize("age", [timedelta(0), timedelta(days=30)])
def test_a_moment_that_cannot_be_had_stops_nothing(account: Account, age: timedelta) -> None:
    moment = datetime.now(UTC) - age
    stand(account, PRODUCTION)
    with pytest.raises(RestoreFault, match="is not between"):
        restore(account, PRODUCTION, moment, poll_s=0)
    assert not account.asked("update_auto_scaling_group")


def test_it_can_be_done_again_with_another_moment(account: Account) -> None:
    """What the first time has left, the replica too, has a name of its time."""
    name = stand(account, STAGING)
    given_up = restore(account, STAGING, MOMENT, poll_s=0)
    stamp = given_up.removeprefix(f"{name}-given-up-")
    told = clients("rds", STAGING.region).describe_db_instances()["DBInstances"]
    assert stamp.isdigit()
    assert f"{name}-replica-given-up-{stamp}" in {each["DBInstanceIdentifier"] for each in told}


def test_one_that_was_left_half_done_is_told_before_anything_is_stopped(account: Account) -> None:
    name = stand(account, DEV)
    rds = clients("rds", DEV.region)
    rds.restore_db_instance_to_point_in_time(
        SourceDBInstanceIdentifier=name, TargetDBInstanceIdentifier=f"{name}-restored", UseLatestRestorableTime=True
    )
    with pytest.raises(RestoreFault, match=f"{name}-restored is there, .*: delete it first"):
        restore(account, DEV, MOMENT, poll_s=0)
    rds.modify_db_instance(DBInstanceIdentifier=name, NewDBInstanceIdentifier="given-up", ApplyImmediately=True)
    with pytest.raises(RestoreFault, match="go on by hand with the exchange of names"):
        restore(account, DEV, MOMENT, poll_s=0)
    assert not account.asked("update_auto_scaling_group")


def test_without_a_database_the_page_names_the_other_way(account: Account) -> None:
    make_groups(PRODUCTION)
    with pytest.raises(RestoreFault, match="snapshot"):
        restore(account, PRODUCTION, MOMENT, poll_s=0)
