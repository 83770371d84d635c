"""Settings that name a secret instead of holding it, resolved once at the start: `secretsmanager:`, `ssm:`, `kms:`, `file:`.

A whole value may be a reference, or parts of it, in braces: `postgresql://venue:${secretsmanager:db#password}@host/venue`;
a part is written as URLs want it. In settings whose names end with _URL, `file:` is a place and needs the braces.

Rules of the cache, so that neither a restart nor a recovery needs AWS's control plane once a first start went well:
what was resolved is kept in a directory of the process's own (memory-backed where the service manager gives one), readable
by its owner only. A value younger than FRESH_S is taken from there without a call. An older one is asked for anew, for
CALL_S at most; where nobody answers, the kept value is taken, however old. A value that the database refused is forgotten
(`forget`), so that the next start asks for what it was rotated to. Without a directory nothing is kept.
"""

import base64
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

PREFIX: Final = "OPENBOURSE_"
CACHE_VARIABLE: Final = "OPENBOURSE_SECRETS_CACHE"
RUNTIME_VARIABLE: Final = "RUNTIME_DIRECTORY"
"""Where systemd says that a service's RuntimeDirectory= is: memory, kept over restarts by RuntimeDirectoryPreserve=."""
FRESH_S: Final = 900
CALL_S: Final = 2
ATTEMPTS: Final = 2
SECRET_BYTES_MAX: Final = 65_536
CONTEXT: Final = {"openbourse": "master key"}
"""What KMS must be told again to open the key: a grant may be bound to it."""
_REFERENCE: Final = re.compile(r"(secretsmanager|ssm|kms|file):(.+)")
_PART: Final = re.compile(r"\$\{(secretsmanager|ssm|kms|file):([^}]+)\}")
Clients = Callable[[str], Any]


class SecretAway(OSError):
    """A secret cannot be had: neither from where it lies nor from the cache. Its text holds no value."""


def has_references(environment: Mapping[str, str]) -> bool:
    """Tell whether a setting names a secret."""
    return any(_names_secret(name, value) for name, value in environment.items())


def resolve(environment: Mapping[str, str], clients: Clients | None = None) -> dict[str, str]:
    """Return the settings that named a secret, with its value. Raises SecretAway, which names the variable."""
    cache, found = _cache_of(environment), dict[str, str]()
    once = Resolver(cache, clients or aws_client)
    for name, value in environment.items():
        if not _names_secret(name, value):
            continue
        try:
            if whole := _whole(name, value):
                found[name] = once.value(whole[1], whole[2])
            else:
                found[name] = _PART.sub(lambda part: quote(once.value(part[1], part[2]), safe=""), value)
        except SecretAway as fault:
            raise SecretAway(f"{name}: {fault}") from None
    return found


def _whole(name: str, value: str) -> re.Match[str] | None:
    matched = _REFERENCE.fullmatch(value.strip())
    is_place = matched is not None and matched[1] == "file" and name.endswith("_URL")
    return None if is_place else matched


def _names_secret(name: str, value: str) -> bool:
    is_ours = name.startswith(PREFIX) and name != CACHE_VARIABLE
    return is_ours and bool(_whole(name, value) or _PART.search(value))


def forget(environment: Mapping[str, str]) -> None:
    """Forget everything that is kept: what it holds was refused, so it may have been rotated."""
    cache = _cache_of(environment)
    if cache is not None:
        for path in cache.glob("*.json"):
            path.unlink(missing_ok=True)


def _cache_of(environment: Mapping[str, str]) -> Path | None:
    named = environment.get(CACHE_VARIABLE, "").strip()
    runtime = environment.get(RUNTIME_VARIABLE, "").split(":")[0].strip()
    return Path(named) if named else Path(runtime, "secrets") if runtime else None


class Resolver:
    """Resolves references of one start; each secret is asked for once, however many settings name a part of it."""

    def __init__(self, cache: Path | None, clients: Clients) -> None:
        self._cache = cache
        self._clients = clients
        self._known: dict[tuple[str, str], str] = {}
        self.calls = 0

    def value(self, scheme: str, rest: str) -> str:
        """Return what a reference names. Raises SecretAway."""
        if scheme == "file":
            return _of_file(rest)
        name, _, key = rest.partition("#") if scheme == "secretsmanager" else (rest, "", "")
        whole = self._known.get((scheme, name))
        if whole is None:
            whole = self._known[scheme, name] = self._kept_or_found(scheme, name)
        return _part(whole, key)

    def _kept_or_found(self, scheme: str, name: str) -> str:
        path = (
            None
            if self._cache is None
            else self._cache / f"{hashlib.sha256(f'{scheme}:{name}'.encode()).hexdigest()[:32]}.json"
        )
        kept, age_s = _read(path)
        if kept is not None and age_s < FRESH_S:
            return kept
        try:
            self.calls += 1
            found = _FINDERS[scheme](self._clients, name)
        except Exception as fault:
            # Whatever the SDK raises. Its text may name accounts and keys: its kind is enough.
            if kept is not None:
                return kept
            raise SecretAway(f"{scheme} did not give it: {type(fault).__name__}") from None
        if len(found.encode()) > SECRET_BYTES_MAX:
            raise SecretAway("it is too long")
        if path is not None:
            _write(path, found)
        return found


def _of_the_store(clients: Clients, name: str) -> str:
    answer = clients("secretsmanager").get_secret_value(SecretId=name)
    return str(answer["SecretString"])


def _of_parameter(clients: Clients, name: str) -> str:
    answer = clients("ssm").get_parameter(Name=name, WithDecryption=True)
    return str(answer["Parameter"]["Value"])


def _of_kms(clients: Clients, wrapped: str) -> str:
    """Return a data key in hexadecimal that KMS has wrapped."""
    answer = clients("kms").decrypt(CiphertextBlob=base64.b64decode(wrapped, validate=True), EncryptionContext=CONTEXT)
    return bytes(answer["Plaintext"]).hex()


_FINDERS: Final = {"secretsmanager": _of_the_store, "ssm": _of_parameter, "kms": _of_kms}


def _of_file(name: str) -> str:
    try:
        path = Path(name.removeprefix("//"))
        if path.stat().st_size > SECRET_BYTES_MAX:
            raise SecretAway("the file is too long")
        return path.read_text().strip()
    except OSError as fault:
        raise SecretAway(f"the file cannot be read: {fault.strerror}") from None


def _part(whole: str, key: str) -> str:
    if not key:
        return whole
    try:
        return str(json.loads(whole)[key])
    except (ValueError, KeyError, TypeError):
        raise SecretAway(f"the secret has no part {key!r}") from None


def _read(path: Path | None) -> tuple[str | None, float]:
    """Return what is kept and its age; what cannot be read, or others could have written, is not kept."""
    if path is None:
        return None, 0.0
    try:
        status = path.stat()
        if status.st_uid != os.getuid() or status.st_mode & 0o077:
            return None, 0.0
        return str(json.loads(path.read_text())["value"]), max(0.0, time.time() - status.st_mtime)
    except (OSError, ValueError, KeyError, TypeError):
        return None, 0.0


def _write(path: Path, value: str) -> None:
    """Keep a value; a cache that cannot be written is none, and no reason not to start."""
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(json.dumps({"value": value}))
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)


def aws_client(service: str) -> Any:
    """Return a client with tight bounds: a start does not wait for a control plane that is down."""
    import boto3
    from botocore.config import Config

    retries: Any = {"total_max_attempts": ATTEMPTS, "mode": "standard"}
    return boto3.client(service, config=Config(connect_timeout=CALL_S, read_timeout=CALL_S, retries=retries))


def wrap_new_key(clients: Clients, kms_key: str) -> str:
    """Return a reference to a fresh master key, wrapped by a key of KMS; nobody has seen it."""
    answer = clients("kms").generate_data_key_without_plaintext(
        KeyId=kms_key, NumberOfBytes=32, EncryptionContext=CONTEXT
    )
    return "kms:" + base64.b64encode(answer["CiphertextBlob"]).decode()


def wrap_key(clients: Clients, kms_key: str, key: bytes) -> str:
    """Return a reference to a master key that there is already, wrapped by a key of KMS."""
    answer = clients("kms").encrypt(KeyId=kms_key, Plaintext=key, EncryptionContext=CONTEXT)
    return "kms:" + base64.b64encode(answer["CiphertextBlob"]).decode()
