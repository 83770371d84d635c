"""Cryptography for identity: passwords with Argon2id on bounded threads, secrets under the master key."""

import asyncio
import hashlib
import hmac
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_pem_public_key

THREADS: Final = 2
WAITING_MAX: Final = 16
"""Each hash takes 64 MiB and about 0.1 s: more waiting than this would be answered too late anyway."""
NONCE_BYTES: Final = 12
RSA_BITS: Final = range(2_048, 4_097)


class HashingBusy(Exception):
    """Too many passwords wait to be hashed; nothing was done."""


class Passwords:
    """Hashes and checks passwords off the event loop, a bounded number at a time."""

    def __init__(self, memory_kib: int = 65_536, time_cost: int = 3) -> None:
        self._hasher = PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=1)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="argon2")
        self._waiting = 0
        self._decoy = self._hasher.hash(secrets.token_urlsafe(16))

    async def hash(self, password: str) -> str:
        """Return the Argon2id hash of a password. Raises HashingBusy."""
        self._enter()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._hasher.hash, password)
        finally:
            self._waiting -= 1

    async def matches(self, password: str, hashed: str | None) -> bool:
        """Tell whether a password is the one hashed; without a hash do the same work and say no. Raises HashingBusy."""
        self._enter()
        try:
            matched = await asyncio.get_running_loop().run_in_executor(
                self._threads, self._verify, hashed or self._decoy, password
            )
        finally:
            self._waiting -= 1
        return matched and hashed is not None

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _enter(self) -> None:
        if self._waiting >= THREADS + WAITING_MAX:
            raise HashingBusy
        self._waiting += 1

    def _verify(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False


class MasterKey:
    """Encrypts small secrets with AES-256-GCM, bound to what they belong to."""

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise ValueError("the master key has 32 bytes")
        self._key = key
        self._cipher = AESGCM(key)

    @classmethod
    def from_file(cls, path: Path) -> "MasterKey":
        """Read 64 hexadecimal characters."""
        return cls.from_text(path.read_text())

    @classmethod
    def from_text(cls, text: str) -> "MasterKey":
        """Return the key of 64 hexadecimal characters. Raises ValueError, which does not show them."""
        try:
            return cls(bytes.fromhex(text.strip()))
        except ValueError:
            raise ValueError("the master key is 64 hexadecimal characters") from None

    def derive(self, purpose: str) -> bytes:
        """Return a secret for one purpose, from which the key cannot be found."""
        return hmac.new(self._key, purpose.encode(), hashlib.sha256).digest()

    def seal(self, secret: bytes, belongs_to: str) -> bytes:
        """Return nonce and ciphertext; opens only with the same name."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, belongs_to.encode())

    def open(self, sealed: bytes, belongs_to: str) -> bytes:
        """Return the secret. Raises ValueError for another key, another name or changed bytes."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], belongs_to.encode())
        except InvalidTag as fault:
            raise ValueError("this secret was not sealed with this master key") from fault


def public_key_kind(pem: bytes) -> str | None:
    """Return ED25519 or RSA for a public key that signatures can be checked with, else None."""
    try:
        key = load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    if isinstance(key, Ed25519PublicKey):
        return "ED25519"
    if isinstance(key, RSAPublicKey) and key.key_size in RSA_BITS:
        return "RSA"
    return None
