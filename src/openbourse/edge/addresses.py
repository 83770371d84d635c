"""Where a request comes from: the transport's peer, or what a trusted proxy says in X-Forwarded-For."""

import ipaddress
from functools import lru_cache
from typing import Final

NETWORK_BITS_6: Final = 64
CACHED: Final = 16_384


class Addresses:
    """Tells clients' addresses; a header is believed only from the networks named."""

    def __init__(self, trusted_proxies: tuple[str, ...]) -> None:
        """Raises ValueError for what is no address or network."""
        self._trusted = tuple(ipaddress.ip_network(name, strict=False) for name in trusted_proxies)

    def is_trusted(self, peer: str) -> bool:
        """Tell whether a peer is one of our proxies."""
        if not self._trusted:
            return False
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in self._trusted)

    def client(self, peer: str, forwarded: str) -> str:
        """Return the client's address: the last one in the header that no proxy of ours has."""
        if not forwarded or not self.is_trusted(peer):
            return peer
        for hop in reversed(forwarded.split(",")):
            name = hop.strip()
            try:
                ipaddress.ip_address(name)
            except ValueError:
                return peer
            if not self.is_trusted(name):
                return name
        return peer


@lru_cache(CACHED)
def limited_as(address: str) -> str:
    """Return what limits count an address under: an IPv6 client has a whole /64 to itself."""
    if ":" not in address:
        return address
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, NETWORK_BITS_6), strict=False))
    return str(getattr(parsed, "ipv4_mapped", parsed))
