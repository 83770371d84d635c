"""Where the venue is and whose keys to use: from the environment, for suites that run in environments of their own."""

import os
from dataclasses import dataclass
from typing import Any

HTTP = os.environ["VENUE_HTTP"]
SOCKET = os.environ["VENUE_SOCKET"]
VENUE_SYMBOL = "BTCUSDT"


@dataclass(frozen=True)
class Keys:
    """An account's API key and secret."""

    api_key: str
    secret: str

    @classmethod
    def alice(cls) -> "Keys":
        return cls(os.environ["ALICE_KEY"], os.environ["ALICE_SECRET"])

    @classmethod
    def bob(cls) -> "Keys":
        return cls(os.environ["BOB_KEY"], os.environ["BOB_SECRET"])


def redirected(keys: Keys | None) -> dict[str, Any]:
    """Return ccxt's configuration for this venue: nothing of the client's own code is touched."""
    rest = {"public": "/api/v3", "private": "/api/v3", "v1": "/api/v1"}
    wallet = {"sapi": "/sapi/v1", "sapiV2": "/sapi/v2", "sapiV3": "/sapi/v3", "sapiV4": "/sapi/v4"}
    urls: dict[str, Any] = {name: HTTP + path for name, path in {**rest, **wallet}.items()}
    urls["ws"] = {"spot": f"{SOCKET}/ws", "ws-api": {"spot": f"{SOCKET}/ws-api/v3"}}
    config: dict[str, Any] = {
        "urls": {"api": urls},
        "options": {"fetchMarkets": {"types": ["spot"]}},
        "enableRateLimit": False,
    }
    if keys is not None:
        config.update(apiKey=keys.api_key, secret=keys.secret)
    return config
