"""Proving who asks: API key, timestamp and a signature over the bytes as received (binance-api.md 4.5 and 4.6)."""

import base64
import binascii
import hmac
import ipaddress
import re
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from openbourse.edge.errors import ApiError
from openbourse.edge.intake import Overloaded
from openbourse.edge.key_store import ApiKey, KeyStore
from openbourse.edge.operations import Call, Caller, Security
from openbourse.edge.params import Params

SIGNING: Final = frozenset({"timestamp", "recvWindow", "signature", "apiKey", "returnRateLimits"})
"""Parameters that any request may carry."""
KEYS_CACHED: Final = 4_096
NETWORKS_CACHED: Final = 4_096
WINDOW_MS_DEFAULT: Final = 5_000
WINDOW_MS_MAX: Final = 60_000
AHEAD_US_MAX: Final = 1_000_000
EARLIEST_MS: Final = 1_483_228_800_000
ENGINE_PATIENCE_US: Final = 10_000_000
_KEY: Final = re.compile(r"[A-Za-z0-9]{16,128}", re.ASCII)
_WINDOW: Final = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,3}))?", re.ASCII)
_WINDOW_RANGE: Final = r"^([0-9]{1,20})(\.[0-9]{1,3})?$"
_NEEDED: Final = {Security.READ: "READ", Security.TRADE: "TRADE", Security.WITHDRAW: "WITHDRAW", Security.KEY: "READ"}


async def find_caller(keys: KeyStore, api_key: str, security: Security, address: str) -> tuple[ApiKey, Caller]:
    """Return the key and who it stands for. Raises ApiError -2014, -2015, and Overloaded when keys cannot be looked up now."""
    if not api_key or _KEY.fullmatch(api_key) is None:
        raise ApiError(-2014, "API-key format invalid.", 401)
    try:
        key = await keys.find(api_key)
    except OSError as fault:
        # Nothing was done yet, so nobody needs to ask what became of it.
        raise Overloaded("keys cannot be looked up now") from fault
    if key is None or _NEEDED[security] not in key.permissions or not _is_allowed(key.networks, address):
        raise ApiError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
    caller = Caller(key.account, key.user, key.api_key, key.permissions, key.session, key.networks, key.created_us)
    return key, caller


def only_sessions(call: Call) -> None:
    """Keep what a person decides from bots' keys: only who is signed in may. Raises ApiError -2015."""
    if call.caller is None or not call.caller.session:
        raise ApiError(-2015, "Only a signed-in session may do this; API keys may not.", 401)


def check_time(params: Params, now_us: int) -> int:
    """Return until when the engine may take the request, in µs. Raises ApiError -1021, -1100, -1102, -1105, -1131."""
    stamp = params.integer("timestamp", minimum=0)
    stamp_us = stamp if stamp >= EARLIEST_MS * 1_000 else stamp * 1_000
    window_us = WINDOW_MS_DEFAULT * 1_000
    text = params.optional("recvWindow")
    if text is not None:
        matched = _WINDOW.fullmatch(text)
        if matched is None:
            raise ApiError(
                -1100, f"Illegal characters found in parameter 'recvWindow'; legal range is '{_WINDOW_RANGE}'."
            )
        window_us = int(matched[1]) * 1_000 + int((matched[2] or "0").ljust(3, "0"))
        if window_us > WINDOW_MS_MAX * 1_000:
            raise ApiError(-1131, "recvWindow must be less than 60000")
    if stamp_us >= now_us + AHEAD_US_MAX:
        raise ApiError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now_us - stamp_us > window_us:
        raise ApiError(-1021, "Timestamp for this request is outside of the recvWindow.")
    return min(stamp_us + window_us, now_us + ENGINE_PATIENCE_US)


def check_signature(key: ApiKey, payloads: list[bytes], signature: str) -> None:
    """Accept a signature over any of the payloads. Raises ApiError -1022."""
    if not any(_is_signed(key, payload, signature) for payload in payloads):
        raise ApiError(-1022, "Signature for this request is not valid.")


def rest_payload(query: bytes, body: bytes) -> bytes:
    """Return raw query and body, one behind the other, with the signature's pair taken out."""
    return _without_signature(query) + _without_signature(body)


def _without_signature(part: bytes) -> bytes:
    if b"signature=" not in part:
        return part
    return b"&".join(pair for pair in part.split(b"&") if not pair.startswith(b"signature="))


def _is_signed(key: ApiKey, payload: bytes, signature: str) -> bool:
    if key.kind == "HMAC":
        wanted = hmac.digest(key.secret, payload, "sha256").hex()
        return hmac.compare_digest(wanted.encode(), signature.lower().encode())
    try:
        raw = base64.b64decode(unquote(signature) if "%" in signature else signature.replace(" ", "+"), validate=True)
        public = _public_key(key.secret)
        if isinstance(public, Ed25519PublicKey):
            public.verify(raw, payload)
        elif isinstance(public, RSAPublicKey):
            public.verify(raw, payload, padding.PKCS1v15(), hashes.SHA256())
        else:
            return False
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _is_allowed(networks: tuple[str, ...], address: str) -> bool:
    if not networks:
        return True
    try:
        peer = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(peer in network for network in _parsed(networks))


@lru_cache(KEYS_CACHED)
def _public_key(pem: bytes) -> PublicKeyTypes:
    return load_pem_public_key(pem)


@lru_cache(NETWORKS_CACHED)
def _parsed(networks: tuple[str, ...]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(network) for network in networks)
