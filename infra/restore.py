"""`python -m infra.restore MOMENT --environment NAME`: the database as it was at a moment, under the name that it had.

Everything is stopped, the database is restored beside the old one, and the two change names: settings, secrets, alarms and the
stacks go on naming the same database. The old one stays, as `…-given-up`, until a person has looked. What comes after
(accept-loss, start, verify) is in docs/runbooks/restore.md.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from infra.environments import ENVIRONMENTS, STRIPED_GIB, Database, Environment
from infra.groups import GroupFault, Groups
from infra.plan import secret_name
from infra.release import AWS_FAULTS, Clients, clients
from openbourse.roles import Need

RESTORED_S_MAX: Final = 4 * 3_600.0
RENAMED_S_MAX: Final = 1_800.0
RESTORED: Final = "restored"
GIVEN_UP: Final = "given-up"
Say = Callable[[str], None]


class RestoreFault(Exception):
    """A step did not come to its end; the text says which, and nothing after it was done."""


class Place:
    """The database of an environment, as a cluster or an instance; both have the same questions under other names."""

    def __init__(self, clients: Clients, environment: Environment, poll_s: float) -> None:
        self.rds = clients("rds", environment.region)
        self.is_cluster = environment.database is Database.CLUSTER
        self.word = "DBCluster" if self.is_cluster else "DBInstance"
        self._poll_s = poll_s

    def find(self, name: str) -> dict[str, Any] | None:
        """Return what is told of a database; None when there is none of this name."""
        ask = self.rds.describe_db_clusters if self.is_cluster else self.rds.describe_db_instances
        missing = (
            self.rds.exceptions.DBClusterNotFoundFault
            if self.is_cluster
            else self.rds.exceptions.DBInstanceNotFoundFault
        )
        try:
            found: dict[str, Any] = ask(**{f"{self.word}Identifier": name})[f"{self.word}s"][0]
        except missing:
            return None
        return found

    def modify(self, name: str, **changes: Any) -> None:
        """Change something at once."""
        change = self.rds.modify_db_cluster if self.is_cluster else self.rds.modify_db_instance
        change(**{f"{self.word}Identifier": name}, ApplyImmediately=True, **changes)

    def rename(self, name: str, to: str) -> None:
        """Give a database another name; the hosts that it is reached at follow. Raises RestoreFault."""
        self.modify(name, **{f"New{self.word}Identifier": to})
        self.await_available(to, RENAMED_S_MAX)

    def await_available(self, name: str, seconds: float) -> None:
        """Return when a database of this name serves. Raises RestoreFault."""
        limit = time.monotonic() + seconds
        state = "Status" if self.is_cluster else "DBInstanceStatus"
        while (found := self.find(name)) is None or found[state] != "available":
            if time.monotonic() > limit:
                raise RestoreFault(f"{name} is {found[state] if found else 'not there'} after {seconds:g} s")
            time.sleep(self._poll_s)


def restore(
    clients: Clients, environment: Environment, moment: datetime, say: Say = lambda _: None, poll_s: float = 15.0
) -> str:
    """Put the database of a moment in the place of the one that is there; return what the old one is called now.

    Raises RestoreFault, GroupFault.
    """
    place, name = Place(clients, environment, poll_s), f"{environment.prefix}-journal"
    old = _found(place, name)
    suffix = f"{GIVEN_UP}-{datetime.now(UTC):%Y%m%d%H%M}"
    given_up = f"{name}-{suffix}"
    _check_window(old, moment)
    say("stopping every fleet")
    Groups(clients, environment, poll_s).stop()
    say(f"restoring {name} as of {moment:%FT%TZ} as {name}-{RESTORED}")
    _begin(place, environment, old, name, moment)
    place.await_available(f"{name}-{RESTORED}", RESTORED_S_MAX)
    say(f"the old one becomes {given_up}, the restored one {name}")
    replica = f"{name}-replica" if environment.database is Database.STANDBY else ""
    if replica:
        place.rename(replica, f"{replica}-{suffix}")
    place.rename(name, given_up)
    place.rename(f"{name}-{RESTORED}", name)
    if replica:
        say(f"making {replica} anew")
        place.rds.create_db_instance_read_replica(
            DBInstanceIdentifier=replica, SourceDBInstanceIdentifier=name, DBInstanceClass=environment.database_class,
            StorageType="gp3", PubliclyAccessible=False, CopyTagsToSnapshot=True,
            DeletionProtection=environment.is_protected,
            VpcSecurityGroupIds=[each["VpcSecurityGroupId"] for each in old["VpcSecurityGroups"]],
        )  # fmt: skip
    elif place.is_cluster or environment.database is Database.SINGLE:
        # The restored one has the master password of then, and nobody keeps it.
        place.modify(name, ManageMasterUserPassword=True, MasterUserSecretKmsKeyId=old["KmsKeyId"])
    for login in _changed_since(clients, environment, moment):
        say(f"the password of {login} was changed since: rotating it, so that the database has the secret's")
        clients("secretsmanager", environment.region).rotate_secret(SecretId=login)
    return given_up


def _found(place: Place, name: str) -> dict[str, Any]:
    """Return the database that is there. Raises RestoreFault where none is, or another restore is at work or was left half done."""
    old, restored = place.find(name), f"{name}-{RESTORED}"
    if place.find(restored) is not None:
        what = (
            "delete it first" if old else f"{name} has its other name already: go on by hand with the exchange of names"
        )
        raise RestoreFault(f"{restored} is there, of a restore that is under way or did not come to its end: {what}")
    if old is None:
        raise RestoreFault(f"there is no {name}: a snapshot or an automated backup that was kept is the way back")
    return old


def _check_window(old: dict[str, Any], moment: datetime) -> None:
    newest = old["LatestRestorableTime"]
    oldest = old.get("EarliestRestorableTime")
    if moment > newest or (oldest is not None and moment < oldest):
        raise RestoreFault(f"{moment:%FT%TZ} is not between {oldest} and {newest}")


def _begin(place: Place, environment: Environment, old: dict[str, Any], name: str, moment: datetime) -> None:
    """Start the restore with what RDS does not take over by itself: groups, exports, watching, protection.

    Disks are as the old one's, which grew since it was made: a size has its own least IOPS.
    """
    common = {
        "DBSubnetGroupName": old["DBSubnetGroup"] if place.is_cluster else old["DBSubnetGroup"]["DBSubnetGroupName"],
        "VpcSecurityGroupIds": [each["VpcSecurityGroupId"] for each in old["VpcSecurityGroups"]],
        "EnableCloudwatchLogsExports": old.get("EnabledCloudwatchLogsExports", []),
        "DeletionProtection": environment.is_protected,
        "CopyTagsToSnapshot": True,
        "PubliclyAccessible": False,
        "StorageType": "gp3",
        "BackupRetentionPeriod": environment.backup_days,
        "Tags": old.get("TagList", []),
    }
    if place.is_cluster:
        place.rds.restore_db_cluster_to_point_in_time(
            SourceDBClusterIdentifier=name, DBClusterIdentifier=f"{name}-{RESTORED}", RestoreToTime=moment,
            DBClusterInstanceClass=environment.database_class, Iops=old["Iops"],
            DBClusterParameterGroupName=old["DBClusterParameterGroup"], KmsKeyId=old["KmsKeyId"], **common,
        )  # fmt: skip
        return
    sized = ("MaxAllocatedStorage", *(("Iops",) if old["AllocatedStorage"] >= STRIPED_GIB else ()))
    place.rds.restore_db_instance_to_point_in_time(
        SourceDBInstanceIdentifier=name, TargetDBInstanceIdentifier=f"{name}-{RESTORED}", RestoreTime=moment,
        DBInstanceClass=environment.database_class, MultiAZ=environment.is_available,
        **{key: old[key] for key in sized if key in old},
        DBParameterGroupName=old["DBParameterGroups"][0]["DBParameterGroupName"], **common,
    )  # fmt: skip


def _changed_since(clients: Clients, environment: Environment, moment: datetime) -> Iterator[str]:
    """Yield the secrets of logins that were rotated since: AWS's function signs in with the former password, too."""
    secrets = clients("secretsmanager", environment.region)
    names = [secret_name(environment, need) for need in (Need.JOURNAL, Need.DATABASE)]
    if environment.database is Database.STANDBY:
        names.append(f"openbourse/{environment.name}/database-master")
    for name in names:
        told = secrets.describe_secret(SecretId=name)
        if told.get("LastRotatedDate") is not None and told["LastRotatedDate"] > moment:
            yield name


def print_line(text: str) -> None:
    """Say what is being done, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def parser() -> argparse.ArgumentParser:
    """Return what the command line takes."""
    found = argparse.ArgumentParser(prog="python -m infra.restore", description=__doc__)
    found.add_argument("moment", help="such as 2026-11-26T08:00:00Z")
    found.add_argument("--environment", choices=list(ENVIRONMENTS), required=True)
    return found


def main() -> int:
    """Restore."""
    given = parser().parse_args()
    environment = ENVIRONMENTS[given.environment]
    try:
        moment = datetime.fromisoformat(given.moment)
        if moment.tzinfo is None:
            raise RestoreFault("say the moment with its zone, such as 2026-11-26T08:00:00Z")
        given_up = restore(clients, environment, moment, print_line)
    except (RestoreFault, GroupFault, ValueError, *AWS_FAULTS) as fault:
        sys.stderr.write(f"{fault}\nWhat stands still, and how to go back: docs/runbooks/restore.md, On AWS\n")
        return 1
    sys.stdout.write(f"done; the old database is {given_up}. Next: docs/runbooks/restore.md, On AWS\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
