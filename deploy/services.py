"""How each fleet runs in production: memory, files, replicas, and how it ends. The rest of it is in `openbourse.roles`."""

from dataclasses import dataclass
from typing import Final

from openbourse.edge.server import DRAIN_S
from openbourse.roles import FLEETS, Fleet, Need, role_named

USER: Final = "openbourse"
HOME: Final = "/opt/openbourse"
"""Releases lie in `releases/VERSION`; `current` names the one that starts next."""
SETTINGS: Final = "/etc/openbourse"
STATE: Final = "openbourse"
"""Below /var/lib."""

LEAVE_S: Final = 20
"""A balancer that asks every 5 s and believes the second no has let go by then, with as much again to spare."""
STOP_SPARE_S: Final = 10
SEQUENCER_STOP_S: Final = 20
START_S: Final = 240
"""A start waits for its database up to 180 s."""
WATCHDOG_S: Final = 10
"""An edge says every 0.5 s that it has turns; a frozen one keeps its clients from the others."""
RESTART_MS: Final = 250
STARTS_MAX: Final = 30
STARTS_WITHIN_S: Final = 120
"""What dies at once and always is let lie: about 30 starts of 2 s and the pauses between them fit into two minutes."""


@dataclass(frozen=True, slots=True)
class Size:
    """What a fleet's processes are given."""

    memory_mib: int
    """More is a leak, and the process is ended."""
    cpu_millis: int
    files: int
    replicas_min: int
    replicas_max: int


SIZES: Final = {
    "sequencer": Size(6_144, 2_000, 16_384, 2, 3),
    "gateway": Size(1_536, 900, 65_536, 3, 12),
    "streams": Size(1_536, 900, 65_536, 3, 12),
    "control": Size(1_536, 900, 65_536, 2, 6),
    "workers": Size(1_024, 500, 4_096, 2, 4),
}


@dataclass(frozen=True, slots=True)
class Service:
    """One fleet as something that is started."""

    fleet: Fleet
    size: Size

    @property
    def name(self) -> str:
        """The fleet's name."""
        return self.fleet.name

    @property
    def is_edge(self) -> bool:
        """Tell whether it stands behind the balancer."""
        return bool(self.fleet.health_path)

    @property
    def needs(self) -> frozenset[Need]:
        """What its roles need, together."""
        roles = [role for role in map(role_named, self.fleet.roles) if role is not None]
        return frozenset(need for role in roles for need in role.needs)

    @property
    def paths(self) -> tuple[str, ...]:
        """What the balancer routes to it: the paths of its roles of which it is the first fleet, the longest first."""
        found: list[str] = []
        for role in map(role_named, self.fleet.roles):
            first = next(fleet for fleet in FLEETS if role is not None and role.name in fleet.roles)
            if role is not None and first is self.fleet:
                found += role.paths
        return tuple(sorted(found, key=lambda path: (-len(path), path)))

    @property
    def leave_s(self) -> int:
        """For how long it serves on after a stop, so that nobody is sent to a closed door."""
        return LEAVE_S if self.is_edge else 0

    @property
    def stop_s(self) -> int:
        """When a stop has taken too long: the process is killed then."""
        return LEAVE_S + DRAIN_S + STOP_SPARE_S if self.is_edge else SEQUENCER_STOP_S


SERVICES: Final = tuple(Service(fleet, SIZES[fleet.name]) for fleet in FLEETS)


def service_named(name: str) -> Service:
    """Return the service of a fleet. Raises KeyError."""
    found = {service.name: service for service in SERVICES}
    return found[name]
