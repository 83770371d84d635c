"""A balancer like the one in the cloud, for a venue on hosts of one's own: `python -m deploy.balancer FLEET=HOST:PORT…`.

HAProxy's configuration from the roles' table: paths to fleets, health checks, draining, long sockets, clients' addresses.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from deploy.services import SERVICES, Service
from openbourse.edge.sockets import PING_EVERY_S

CHECK_S: Final = 5
CHECKS_DOWN: Final = 2
CHECKS_UP: Final = 2
IDLE_S: Final = 300
"""Without a word from either side; sockets are pinged every 20 s, so only a dead one is ever cut."""
DEFAULT: Final = "/"


@dataclass(frozen=True, slots=True)
class Options:
    """What may differ from place to place."""

    bind: str = ":8080"
    source: str = ""
    """The address that backends see; they believe it about clients."""
    control_socket: str = "/run/haproxy/admin.sock"
    check_s: int = CHECK_S
    idle_s: int = IDLE_S
    connections_max: int = 20_000
    tells_server: bool = False
    """Name the server in a header of every answer; for tests."""


def configuration(servers: Mapping[str, Sequence[str]], options: Options) -> str:
    """Return the configuration; servers are HOST:PORT by fleet. Raises KeyError for a fleet that has none."""
    edges = [service for service in SERVICES if service.is_edge]
    parts = [
        _head(options),
        _frontend(edges, options),
        *(_backend(each, servers[each.name], options) for each in edges),
    ]
    return "\n".join(parts)


def routes(services: Sequence[Service]) -> list[tuple[str, str]]:
    """Return path and fleet, the longest path first: the first that fits is right."""
    found = [(path, service.name) for service in services for path in service.paths]
    return sorted(found, key=lambda route: (-len(route[0]), route[0]))


def _head(options: Options) -> str:
    assert options.idle_s > 0
    return f"""\
# Made by `python -m deploy.balancer` from the roles' table.
global
    maxconn {options.connections_max}
    stats socket {options.control_socket} mode 600 level admin
    hard-stop-after 60s

defaults
    mode http
    option http-keep-alive
    option dontlognull
    timeout connect 2s
    timeout http-request 10s
    timeout http-keep-alive 60s
    timeout queue 2s
    # Sockets are pinged every {PING_EVERY_S} s.
    timeout client {options.idle_s}s
    timeout server {options.idle_s}s
    timeout tunnel {options.idle_s}s
    # An order must not be sent twice by who does not know what it is.
    retries 0
"""


def _frontend(services: Sequence[Service], options: Options) -> str:
    lines = [
        *("frontend public", f"    bind {options.bind}"),
        # What a client says of itself stays in front of what we saw: backends read from the end.
        "    option forwardfor",
        # Operators' own: their scraper asks each process.
        "    http-request deny deny_status 404 if { path /metrics }",
    ]
    if options.tells_server:
        lines.append("    http-response set-header x-served-by %s")
    for path, fleet in routes(services):
        if path == DEFAULT:
            lines.append(f"    default_backend {fleet}")
        else:
            lines.append(f"    use_backend {fleet} if {{ path {path} }} || {{ path_beg {path}/ }}")
    return "\n".join(lines) + "\n"


def _backend(service: Service, addresses: Sequence[str], options: Options) -> str:
    lines = [
        *(f"backend {service.name}", "    balance roundrobin"),
        f"    option httpchk GET {service.fleet.health_path}",
        "    http-check expect status 200",
    ]
    if options.source:
        lines.append(f"    source {options.source}")
    # One that is found down takes nothing new; what it has goes on.
    check = f"check inter {options.check_s}s fall {CHECKS_DOWN} rise {CHECKS_UP}"
    lines += [f"    server {service.name}-{number} {each} {check}" for number, each in enumerate(addresses, 1)]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print a configuration."""
    parser = argparse.ArgumentParser(prog="python -m deploy.balancer", description=__doc__)
    parser.add_argument("servers", nargs="+", metavar="FLEET=HOST:PORT")
    parser.add_argument("--bind", default=Options().bind)
    parser.add_argument("--source", default=Options().source)
    given = parser.parse_args()
    servers: dict[str, list[str]] = {}
    for each in given.servers:
        fleet, _, address = each.partition("=")
        servers.setdefault(fleet, []).append(address)
    print(configuration(servers, Options(bind=given.bind, source=given.source)))


if __name__ == "__main__":
    main()
