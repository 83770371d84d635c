"""Which address a request counts under."""

import pytest

from openbourse.edge.addresses import Addresses, limited_as


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "203.0.113.5, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "198.51.100.7, 10.0.0.2", "198.51.100.7"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.1"),
        ("", "198.51.100.7", ""),
    ],
)
def test_only_a_trusted_proxy_is_believed(peer: str, forwarded: str, client: str) -> None:
    assert Addresses(("10.0.0.0/8",)).client(peer, forwarded) == client


def test_what_is_no_network_is_refused_at_start() -> None:
    with pytest.raises(ValueError, match="proxy"):
        Addresses(("proxy.example",))


def test_an_ipv6_client_counts_as_its_network() -> None:
    assert limited_as("2001:db8:1:2:3:4:5:6") == limited_as("2001:db8:1:2::9") == "2001:db8:1:2::/64"
    assert limited_as("::ffff:192.0.2.1") == limited_as("192.0.2.1") == "192.0.2.1"
