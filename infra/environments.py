"""Environments as values: what differs between development, staging and production, and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

STRIPED_GIB: Final = 400
"""From here on RDS lays a disk (gp3, PostgreSQL) over four: 12,000 IOPS or more; below it is 3,000, and an instance's may not be said."""


class Database(StrEnum):
    """How PostgreSQL is run."""

    SINGLE = "one instance"
    STANDBY = "an instance with a synchronous standby in another zone, and a replica to read from"
    CLUSTER = "a writer and two readers in three zones; a commit waits for one reader"


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSize:
    """How many instances of which types a fleet has."""

    types: tuple[str, ...]  # arm64; the first is the wanted one, the others are taken when it is short
    least: int
    most: int
    base: int = 0  # so many are On-Demand before any is Spot; of a mixed fleet only
    disk_gib: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondRegion:
    """Where the venue can be brought up again when its Region is lost."""

    region: str
    zones: tuple[str, ...]
    cidr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a holder of an API key of this plan may ask of the account and control routes."""

    name: str
    rate_per_s: int
    burst: int
    per_day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One deployment of the exchange."""

    name: str
    region: str
    zones: tuple[str, ...]
    cidr: str
    domain: str
    zone_id: str  # of the domain at Route 53: the certificate is proven and the names are set there
    nat_gateways: int
    database: Database
    database_class: str
    database_gib: int
    backup_days: int
    cache_class: str
    cache_nodes: int
    fleets: Mapping[str, FleetSize]
    plans: tuple[Plan, ...]
    rate_per_address: int  # requests of one address in 5 minutes before WAF blocks it
    log_days: int
    archive_days: int  # no object of the archive can be deleted or changed for so long
    budget_usd: int
    mail: str
    is_protected: bool  # databases and buckets outlive their stack
    s3_prefix_list: str = ""  # when named: instances reach AWS by interface endpoints, S3 by its gateway, nothing else
    second: SecondRegion | None = None
    standby_of: str = ""  # the Region that this one stands by for; its fleets are empty until it is brought up
    reserves_functions: bool = True  # so many runs at once for each function: a new account's quota of 10 refuses that
    settings: Mapping[str, str] = field(default_factory=dict)  # OPENBOURSE_* without the prefix

    @property
    def database_iops(self) -> int:
        """Return what its disks do in a second: what AWS gives with their size, and the least that it takes with it."""
        return 12_000 if self.database_gib >= STRIPED_GIB else 3_000

    @property
    def prefix(self) -> str:
        """Return what names of resources begin with."""
        return f"openbourse-{self.name}"

    def in_second_region(self) -> "Environment":
        """Return what stands by in the second Region: all but instances, which are paid for when they are needed."""
        assert self.second is not None
        return replace(
            self,
            region=self.second.region,
            zones=self.second.zones,
            cidr=self.second.cidr,
            nat_gateways=1,
            cache_nodes=1,
            cache_class="cache.t4g.medium",
            fleets={name: replace(size, least=0) for name, size in self.fleets.items()},
            second=None,
            standby_of=self.region,
        )

    @property
    def interface_endpoints(self) -> bool:
        """Tell whether instances reach AWS without the internet."""
        return bool(self.s3_prefix_list)

    @property
    def is_available(self) -> bool:
        """Tell whether losing a zone may not end trading."""
        return self.database is not Database.SINGLE


PLANS: Final = (
    Plan(name="standard", rate_per_s=10, burst=20, per_day=100_000),
    Plan(name="partner", rate_per_s=100, burst=200, per_day=2_000_000),
)
# Four to five types of one size: when a zone is short of one, another is taken; Spot is interrupted less.
LARGE: Final = ("c7g.large", "c8g.large", "m7g.large", "c6g.large", "m6g.large")
MEDIUM: Final = ("c7g.medium", "m7g.medium", "c6g.medium", "m6g.medium")
XLARGE: Final = ("c7g.xlarge", "c8g.xlarge", "m7g.xlarge")
ZONES: Final = ("us-east-1a", "us-east-1b", "us-east-1c")

DEV: Final = Environment(
    name="dev",
    region="us-east-1",
    zones=ZONES,
    cidr="10.10.0.0/16",
    domain="dev.openbourse.example",
    zone_id="Z0000000000DEV",
    nat_gateways=1,
    database=Database.SINGLE,
    database_class="db.t4g.medium",
    database_gib=30,
    backup_days=1,
    cache_class="cache.t4g.micro",
    cache_nodes=1,
    fleets={
        "sequencer": FleetSize(types=("t4g.small",), least=2, most=3),
        "gateway": FleetSize(types=("t4g.small",), least=1, most=2),
        "streams": FleetSize(types=("t4g.small",), least=1, most=2, base=1),
        "control": FleetSize(types=("t4g.small",), least=1, most=2),
        "workers": FleetSize(types=("t4g.small", "t4g.medium"), least=1, most=2),
    },
    plans=PLANS,
    rate_per_address=10_000,
    log_days=14,
    archive_days=1,
    budget_usd=400,
    mail="dev@openbourse.example",
    is_protected=False,
    reserves_functions=False,
    settings={"TEST_FUNDS": "1", "JOURNAL_DAYS": "3"},
)

STAGING: Final = Environment(
    name="staging",
    region="us-east-1",
    zones=ZONES,
    cidr="10.20.0.0/16",
    domain="staging.openbourse.example",
    zone_id="Z0000000000STAGING",
    nat_gateways=1,  # staging may lose a zone's way out; production may not
    database=Database.STANDBY,
    database_class="db.m7g.large",
    database_gib=100,
    backup_days=7,
    cache_class="cache.t4g.medium",
    cache_nodes=2,
    fleets={
        "sequencer": FleetSize(types=LARGE, least=2, most=3),
        "gateway": FleetSize(types=MEDIUM, least=2, most=4),
        "streams": FleetSize(types=MEDIUM, least=2, most=4, base=2),
        "control": FleetSize(types=MEDIUM, least=2, most=3),
        "workers": FleetSize(types=MEDIUM, least=2, most=3),
    },
    plans=PLANS,
    rate_per_address=20_000,
    log_days=30,
    archive_days=7,
    budget_usd=1_500,
    mail="operations@openbourse.example",
    is_protected=True,
    settings={"TEST_FUNDS": "1", "JOURNAL_DAYS": "3"},
)

PRODUCTION: Final = Environment(
    name="production",
    region="us-east-1",
    zones=ZONES,
    cidr="10.30.0.0/16",
    domain="openbourse.example",
    zone_id="Z0000000000PROD",
    nat_gateways=3,
    database=Database.CLUSTER,
    database_class="db.m6gd.large",
    database_gib=320,  # three days of the journal and a month of orders and trades; from 400 on disks have other rules
    backup_days=14,
    cache_class="cache.m7g.large",
    cache_nodes=2,
    fleets={
        "sequencer": FleetSize(types=XLARGE, least=2, most=3, disk_gib=50),
        "gateway": FleetSize(types=LARGE, least=3, most=12),
        "streams": FleetSize(types=LARGE, least=3, most=12, base=2),
        "control": FleetSize(types=MEDIUM, least=2, most=6),
        "workers": FleetSize(types=LARGE, least=2, most=6),
    },
    plans=PLANS,
    rate_per_address=60_000,
    log_days=90,
    archive_days=365,
    budget_usd=4_000,
    mail="operations@openbourse.example",
    is_protected=True,
    settings={"REOPEN_AFTER_S": "300", "JOURNAL_DAYS": "3"},
)

# For those whose instances may not reach the internet. The control fleet alone may, for keys at API Gateway, whose
# management has no endpoint in a network: one NAT is enough for that, and its zone's loss delays new keys.
CLOSED: Final = replace(
    PRODUCTION,
    name="closed",
    domain="closed.openbourse.example",
    zone_id="Z0000000000CLOSED",
    nat_gateways=1,
    s3_prefix_list="pl-63a5400a",  # AWS's own list of S3's addresses in us-east-1
)

# A cluster can neither be read from another Region nor have its snapshots copied there, and RDS cannot keep the
# master password of a database that has a replica: with a second Region the database is an instance with a standby.
# It stands instead of production, not beside it: domain, zone and addresses are the same.
TWO_REGIONS: Final = replace(
    PRODUCTION,
    name="global",
    database=Database.STANDBY,
    database_class="db.m7g.large",
    second=SecondRegion(region="us-west-2", zones=("us-west-2a", "us-west-2b", "us-west-2c"), cidr="10.40.0.0/16"),
)

ENVIRONMENTS: Final[Mapping[str, Environment]] = {
    each.name: each for each in (DEV, STAGING, PRODUCTION, TWO_REGIONS, CLOSED)
}
