"""The zones' network: one namespace a place, a router between them, cuts by blackhole rules, the relay on every path between zones.

The router is the namespace of the kit itself. A packet between two zones is handed to the relay there, which carries
the stream on with the sender's own address; a packet within a zone is forwarded. A cut is a rule on (from, to), so it
is silent and may be one way; the kernel's own retransmission heals what was under way when it ends.
"""

import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from chaos.places import ALL, ENDPOINT, IS_LOOPBACK, PREFIX, ROUTER, ZONES, Place, zone_network
from openbourse.supervisor import binaries

EVERYWHERE: Final = f"{PREFIX}.0.0/16"
RELAYED: Final = 100
WITHIN_PRIORITY, RELAY_PRIORITY = 50, 300
PLACE_CUT_PRIORITY, ZONE_CUT_PRIORITY = 40, 100
"""A place that is cut off is so from its own zone too; a zone that is cut off goes on within itself."""
_FORWARDING: Final = {
    "net/ipv4/ip_forward": "1",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
}

Cut = tuple[str, str]
"""From which network to which one no packet comes through."""


class NetworkFault(RuntimeError):
    """The zones could not be built or changed."""


def inside(place: Place) -> tuple[str, ...]:
    """Return the command prefix that runs a program at a place."""
    # On loopback nothing ends with a namespace; there what was started ends with the kit.
    return binaries.tied_to_parent("KILL") if IS_LOOPBACK else ("ip", "netns", "exec", place.name)


class Network:
    """The zones of one run; everything of it ends with the namespace that the kit runs in."""

    told = "network namespaces, a relay of 0.5 ms each way between zones, cuts by blackhole rules"

    def __init__(self) -> None:
        self._cuts: list[Cut] = []

    def build(self) -> None:
        """Make all places and the ways between them. Raises NetworkFault."""
        for name, value in _FORWARDING.items():
            (Path("/proc/sys") / name).write_text(value)
        lines = ["link set lo up", f"addr add {ROUTER}/32 dev lo"]
        lines += [f"netns add {place.name}" for place in ALL]
        for number, place in enumerate(ALL):
            lines.append(f"link add v{number} type veth peer name eth0 netns {place.name}")
            lines.append(f"link set v{number} up")
            lines.append(f"route add {place.address}/32 dev v{number}")
            lines.append(f"rule add prio {RELAY_PRIORITY} iif v{number} to {EVERYWHERE} lookup {RELAYED}")
        for zone in (*ZONES, "clients"):
            within = zone_network(zone)
            lines.append(f"rule add prio {WITHIN_PRIORITY} from {within} to {within} lookup main")
        lines.append(f"route add local {EVERYWHERE} dev lo table {RELAYED}")
        lines.append(f"route add local {ENDPOINT} dev lo")
        _ip(lines)
        for place in ALL:
            _ip(
                (
                    "link set lo up",
                    f"addr add {place.address}/32 dev eth0",
                    "link set eth0 up",
                    f"route add {ROUTER} dev eth0",
                    f"route add default via {ROUTER}",
                ),
                "-n",
                place.name,
            )

    def cut(self, cuts: Iterable[Cut]) -> None:
        """Let no packet through from one network to another, silently."""
        fresh = [cut for cut in cuts if cut not in self._cuts]
        _ip([f"rule add {rule_of(cut)}" for cut in fresh])
        self._cuts += fresh

    def heal(self) -> None:
        """Let everything through again."""
        _ip([f"rule del {rule_of(cut)}" for cut in self._cuts])
        self._cuts.clear()


class LoopbackNetwork:
    """The zones as addresses of this machine: no namespaces, so what is cut is what goes through the relay."""

    told = "loopback addresses, a relay of 0.5 ms each way between places; edges reach sequencers past it, uncut"

    def __init__(self, tell: Callable[[dict[str, object]], None]) -> None:
        self._tell = tell
        self._cuts: list[Cut] = []

    def build(self) -> None:
        """Have nothing to make: every address of 127.0.0.0/8 is there."""

    def cut(self, cuts: Iterable[Cut]) -> None:
        """Have the relay hold what goes from one network to another."""
        self._cuts += cuts
        self._tell({"held": [(_beginning(source), _beginning(target)) for source, target in self._cuts]})

    def heal(self) -> None:
        """Let everything through again."""
        self._cuts.clear()
        self._tell({"held": []})


def _beginning(network: str) -> str:
    """Return how the addresses of a network begin; an address is a network of its own."""
    address, _, bits = network.partition("/")
    return ".".join(address.split(".")[: int(bits) // 8]) + "." if bits else address


def rule_of(cut: Cut) -> str:
    """Return the router's rule that is a cut."""
    source, target = cut
    is_of_zone = all("/" in end for end in cut)
    return f"prio {ZONE_CUT_PRIORITY if is_of_zone else PLACE_CUT_PRIORITY} from {source} to {target} blackhole"


def isolation(network: str) -> list[Cut]:
    """Return the cuts that separate a zone or a place from everything outside of it, both ways."""
    return [(network, EVERYWHERE), (EVERYWHERE, network)]


def _ip(lines: Sequence[str], *options: str) -> None:
    if not lines:
        return
    done = subprocess.run(
        ("ip", *options, "-batch", "-"), input="\n".join(lines) + "\n", capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise NetworkFault(f"ip {' '.join(options)}: {done.stderr.strip()}")
