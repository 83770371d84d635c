"""API keys as whoever proves a request needs them."""

from typing import Protocol

import msgspec


class ApiKey(msgspec.Struct, frozen=True):
    """One API key with what it takes to check a signature and a permission."""

    api_key: str
    account: int
    user: int
    kind: str
    """HMAC, ED25519 or RSA."""
    secret: bytes
    """HMAC: the key's bytes; otherwise the public key as PEM."""
    permissions: frozenset[str]
    """Of READ, TRADE, WITHDRAW."""
    networks: tuple[str, ...] = ()
    """Networks it may be used from, as CIDR; empty: any."""
    session: bool = False
    """True for the short-lived key of a signed-in page."""
    expires_us: int = 0
    """0: never."""
    created_us: int = 0

    def __repr__(self) -> str:
        return f"ApiKey({self.api_key[:8]}…, account={self.account})"


class KeyStore(Protocol):
    """Where keys are found."""

    async def find(self, api_key: str) -> ApiKey | None:
        """Return a key that is in force now, or None."""
        ...
