"""Roles, as data: what can be started, how it scales and what it needs; fleets: which roles share instances.

The supervisor reads this table; infra/, the unit files, the balancers and the chart are made from it.
"""

from dataclasses import dataclass
from enum import StrEnum


class Scaling(StrEnum):
    """How many processes of a role a venue runs."""

    LEADER = "one leader a shard, any number of standbys"
    MANY = "any number behind the balancer"
    WORKERS = "any number, one at work on a thing at a time"
    OPTIONAL = "none or one; never needed"


class Need(StrEnum):
    """A store that a role talks to."""

    JOURNAL = "journal"
    DATABASE = "database"
    VALKEY = "valkey"
    SEQUENCER = "sequencer"
    MASTER_KEY = "master key"


class Bucket(StrEnum):
    """A bucket of object storage, by what lies in it."""

    ARCHIVE = "archive"
    """Closed parts of the journal; nothing in it can be changed."""
    BACKUPS = "backups"
    REPORTS = "reports"
    MARKET = "market"
    """Files of market data that anyone may have."""


class Purchase(StrEnum):
    """How a fleet's instances are bought."""

    ON_DEMAND = "On-Demand only"
    MIXED = "On-Demand base, Spot above it"
    SPOT = "Spot"


class Turn(StrEnum):
    """Which of two Regions a venue stands in, where it stands in two."""

    FIRST = "first"
    SECOND = "second"


TURN_ADDRESSES = {Turn.FIRST: "192.0.2.1", Turn.SECOND: "192.0.2.2"}
"""Addresses that lead nowhere: the name that says which Region trades has the one of that Region."""


@dataclass(frozen=True, slots=True)
class Role:
    """One thing that `openbourse run` can start."""

    name: str
    summary: str
    scaling: Scaling
    needs: tuple[Need, ...]
    paths: tuple[str, ...] = ()  # what the balancer routes to it; empty: serves no public path
    metered: tuple[str, ...] = ()  # paths of account and control, which API Gateway offers too, by key and plan
    writes: tuple[Bucket, ...] = ()
    reads: tuple[Bucket, ...] = ()


@dataclass(frozen=True, slots=True)
class Fleet:
    """Roles that share instances: one Auto Scaling group, one Deployment."""

    name: str
    roles: tuple[str, ...]
    purchase: Purchase
    port: int = 0  # what it serves inside the network; 0: nothing
    health_path: str = ""  # what the balancer asks; empty: not behind one


_SERVING = (Need.SEQUENCER, Need.JOURNAL, Need.DATABASE, Need.VALKEY, Need.MASTER_KEY)
"""Of every process that serves: it asks the leader for what is committed, and follows the feed from the journal."""

ROLES: tuple[Role, ...] = (
    Role(
        "sequencer",
        "orders commands, runs the engine, commits to the journal, answers after the commit",
        Scaling.LEADER,
        (Need.JOURNAL, Need.VALKEY, Need.MASTER_KEY),
    ),
    Role(
        "gateway",
        "REST and WebSocket API: signed orders in, answers out",
        Scaling.MANY,
        _SERVING,
        ("/api/v3", "/sapi/v1", "/sapi/v3", "/ws-api/v3"),
        metered=("/sapi/v1", "/sapi/v3"),
    ),
    Role(
        "streams",
        "market and user data pushed over sockets",
        Scaling.MANY,
        _SERVING,
        ("/ws", "/stream"),
    ),
    Role(
        "identity",
        "sign-up, sign-in, sessions, API keys",
        Scaling.MANY,
        _SERVING,
        ("/bourse/v1",),
        metered=("/bourse/v1",),
    ),
    Role(
        "monitor",
        "health, metrics and the continuous audit",
        Scaling.MANY,
        _SERVING,
        ("/health", "/metrics"),
    ),
    Role("web", "the trading page, static files", Scaling.MANY, (), ("/",)),
    Role(
        "history",
        "projects the journal into tables of orders, trades and candles",
        Scaling.WORKERS,
        (Need.JOURNAL, Need.DATABASE, Need.VALKEY),
        reads=(Bucket.ARCHIVE,),  # what was dropped from the journal, when its rows are made anew
    ),
    Role(
        "notifier",
        "tells people of fills, cancellations, deposits and withdrawals: by queue, mail or log",
        Scaling.WORKERS,
        (Need.JOURNAL, Need.DATABASE, Need.VALKEY),
        reads=(Bucket.ARCHIVE,),
    ),
    Role(
        "archive",
        "keeps the journal's archive, snapshots, daily reports and files of market data in the place for objects",
        Scaling.WORKERS,
        (Need.JOURNAL, Need.DATABASE, Need.VALKEY),
        writes=(Bucket.ARCHIVE, Bucket.BACKUPS, Bucket.REPORTS, Bucket.MARKET),
        reads=(Bucket.ARCHIVE, Bucket.BACKUPS, Bucket.REPORTS, Bucket.MARKET),
    ),
    Role("demo", "market makers that trade through the public API", Scaling.OPTIONAL, (Need.SEQUENCER,)),
)

INTAKE_PORT = 7_101
"""Where a sequencer takes commands when gateways are on other machines; on one machine it is chosen freely."""
EDGE_PORT = 8_000

FLEETS: tuple[Fleet, ...] = (
    Fleet("sequencer", ("sequencer",), Purchase.ON_DEMAND, INTAKE_PORT),
    Fleet("gateway", ("gateway", "monitor"), Purchase.ON_DEMAND, EDGE_PORT, "/health/ready"),
    Fleet("streams", ("streams", "monitor"), Purchase.MIXED, EDGE_PORT, "/health/ready"),
    Fleet("control", ("identity", "web", "monitor"), Purchase.ON_DEMAND, EDGE_PORT, "/health/ready"),
    Fleet("workers", ("history", "notifier", "archive"), Purchase.SPOT),
)
"""Every role but demo has a fleet. `monitor` is in each that serves: the balancer's health path is its route."""

EDGE_ROLES = ("gateway", "streams", "identity", "monitor", "web")


def role_named(name: str) -> Role | None:
    """Return the role of this name, if there is one."""
    return next((role for role in ROLES if role.name == name), None)


def fleet_of(path: str) -> Fleet | None:
    """Return the fleet that the balancer routes this path to: the first whose role has it."""
    owner = next((role for role in ROLES if path in role.paths), None)
    return next((fleet for fleet in FLEETS if owner is not None and owner.name in fleet.roles), None)
