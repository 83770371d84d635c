"""What a session was begun with and from, in words that its owner recognizes and that tell little about a person."""

import ipaddress
import re
from typing import Final

NETWORK_BITS: Final = {4: 24, 6: 48}
PROGRAM_LENGTH_MAX: Final = 32
# Who names another one's engine too comes before it: Edge says Chrome, and Chrome says Safari.
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
_PROGRAM: Final = re.compile(r"[A-Za-z0-9._ -]+", re.ASCII)


def device_words(user_agent: bytes) -> str:
    """Return the kind of browser and system of a User-Agent, or a program's name; empty where it says neither."""
    said = user_agent.decode("latin-1")
    browser = next((name for mark, name in _BROWSERS if mark in said), "")
    system = next((name for mark, name in _SYSTEMS if mark in said), "")
    if browser:
        return f"{browser} on {system}" if system else browser
    found = _PROGRAM.match(said.partition("/")[0])
    return found[0].strip()[:PROGRAM_LENGTH_MAX] if found else ""


def network_of(address: str) -> str:
    """Return the network that an address is in, empty for what is none: enough to tell home from abroad."""
    try:
        host = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(host, ipaddress.IPv6Address) and host.ipv4_mapped is not None:
        host = host.ipv4_mapped
    return str(ipaddress.ip_network((host, NETWORK_BITS[host.version]), strict=False))
