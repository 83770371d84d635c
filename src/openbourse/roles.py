"""Roles, as data: what can be started, how it scales and what it needs. The supervisor and infra/ read this table."""

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


@dataclass(frozen=True, slots=True)
class Role:
    """One thing that `openbourse run` can start."""

    name: str
    summary: str
    scaling: Scaling
    needs: tuple[Need, ...]
    paths: tuple[str, ...] = ()  # what the balancer routes to it; empty: serves no public path


ROLES: tuple[Role, ...] = (
    Role(
        "sequencer",
        "orders commands, runs the engine, commits to the journal, answers after the commit",
        Scaling.LEADER,
        (Need.JOURNAL, Need.VALKEY),
    ),
    Role(
        "gateway",
        "REST and WebSocket API: signed orders in, answers out",
        Scaling.MANY,
        (Need.SEQUENCER, Need.JOURNAL, Need.DATABASE, Need.VALKEY),
        ("/api/v3", "/sapi/v1", "/ws-api/v3"),
    ),
    Role(
        "streams",
        "market and user data pushed over sockets",
        Scaling.MANY,
        (Need.JOURNAL, Need.DATABASE, Need.VALKEY),
        ("/ws", "/stream"),
    ),
    Role(
        "identity",
        "sign-up, sign-in, sessions, API keys",
        Scaling.MANY,
        (Need.DATABASE, Need.VALKEY, Need.SEQUENCER),
        ("/app",),
    ),
    Role(
        "monitor",
        "health, metrics and the continuous audit",
        Scaling.MANY,
        (Need.JOURNAL, Need.DATABASE, Need.VALKEY),
        ("/health", "/metrics"),
    ),
    Role("web", "the trading page, static files", Scaling.MANY, (), ("/",)),
    Role(
        "history",
        "projects the journal into tables of orders, trades and candles",
        Scaling.WORKERS,
        (Need.JOURNAL, Need.DATABASE, Need.VALKEY),
    ),
    Role("demo", "market makers that trade through the public API", Scaling.OPTIONAL, (Need.SEQUENCER,)),
)

EDGE_ROLES = ("gateway", "streams", "identity", "monitor", "web")


def role_named(name: str) -> Role | None:
    """Return the role of this name, if there is one."""
    return next((role for role in ROLES if role.name == name), None)
