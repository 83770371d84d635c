"""Where everything runs: three zones and the clients' side, one address for each part."""

import os
from dataclasses import dataclass
from typing import Final

LOOPBACK: Final = "CHAOS_LOOPBACK"
"""Set where namespaces are not allowed: every place is then an address of this machine's own loopback."""
IS_LOOPBACK: Final = LOOPBACK in os.environ

ZONES: Final = ("a", "b", "c")
CLIENTS_ZONE: Final = "clients"
NUMBERS: Final = {CLIENTS_ZONE: 0, "a": 1, "b": 2, "c": 3}
PREFIX: Final = "127.77" if IS_LOOPBACK else "10.77"
ROUTER: Final = f"{PREFIX}.255.1"
ENDPOINT: Final = f"{PREFIX}.9.1"
"""The database's one address that moves with the primary, as a managed database's name does."""

DATABASE_PORT: Final = 5_432
VALKEY_PORT: Final = 6_379
INTAKE_PORT: Final = 7_000
EDGE_PORT: Final = 8_000
PORTS: Final = (DATABASE_PORT, VALKEY_PORT, INTAKE_PORT, EDGE_PORT)

_PLACES: Final = {"sequencer": 10, "edge": 20, "database": 30, "valkey": 40, "history": 50, "load": 60}


@dataclass(frozen=True, slots=True)
class Place:
    """One part's own address in a zone."""

    zone: str
    kind: str

    @property
    def name(self) -> str:
        """What it is called in logs and reports."""
        return f"{self.zone}-{self.kind}"

    @property
    def address(self) -> str:
        """Its address."""
        return f"{PREFIX}.{NUMBERS[self.zone]}.{_PLACES[self.kind]}"


SEQUENCERS: Final = tuple(Place(zone, "sequencer") for zone in ZONES)
EDGES: Final = tuple(Place(zone, "edge") for zone in ZONES)
DATABASES: Final = (Place("a", "database"), Place("b", "database"))
VALKEY: Final = Place("c", "valkey")
HISTORIES: Final = (Place("b", "history"), Place("c", "history"))
LOAD: Final = Place(CLIENTS_ZONE, "load")
ALL: Final = (*SEQUENCERS, *EDGES, *DATABASES, VALKEY, *HISTORIES, LOAD)


def zone_network(zone: str) -> str:
    """Return the addresses of a zone."""
    return f"{PREFIX}.{NUMBERS[zone]}.0/24"


def zone_of(address: str) -> str:
    """Return the zone of an address; what is not in one (the router, the endpoint) is at the clients' side."""
    number = int(address.split(".")[2])
    return next((zone for zone, its in NUMBERS.items() if its == number), CLIENTS_ZONE)


def place_at(address: str) -> Place:
    """Return the place of an address."""
    return next(place for place in ALL if place.address == address)


def alias(source: Place, target: Place) -> str:
    """Return the loopback address at which the relay takes what one place sends to another."""
    return f"127.{100 + ALL.index(source)}.{target.address.split('.', 2)[2]}"


def seen_from(source: Place | None, target: Place) -> str:
    """Return the address at which a place (or the kit) reaches another one: its own, unless the relay must be named."""
    return alias(source, target) if IS_LOOPBACK and source is not None else target.address
