"""Logins of the program, made once by whoever may make logins: each may make schemas of its own and nothing else."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Final

import asyncpg

# Names and passwords cannot be parameters of these statements: PostgreSQL itself quotes them.
_CREATE: Final = """
SELECT format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD %L', $1::text, $2::text)
"""
_GRANT: Final = """
SELECT format('GRANT CONNECT, CREATE, TEMPORARY ON DATABASE %I TO %I; GRANT USAGE, CREATE ON SCHEMA public TO %I',
    current_database(), $1::text, $1::text)
"""

ITERATIONS: Final = 4_096
"""As PostgreSQL's own scram_iterations."""
SALT_BYTES: Final = 16


def verifier(password: str, salt: bytes, iterations: int = ITERATIONS) -> str:
    """Return what PostgreSQL keeps of a password (RFC 5803), so that the password itself is in no statement and no log.

    Raises ValueError for one that is not printable ASCII: the others are normalised by rules that are not here.
    """
    if not (password.isascii() and password.isprintable() and password):
        raise ValueError("a login's password must be printable ASCII")
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt_text, stored_text, server_text = (base64.b64encode(each).decode() for each in (salt, stored, server))
    return f"SCRAM-SHA-256${iterations}:{salt_text}${stored_text}:{server_text}"


async def make_logins(connection: asyncpg.Connection, logins: Mapping[str, str]) -> list[str]:
    """Make the logins that are missing, by name and password; return which. Those that are there keep their password."""
    async with connection.transaction():
        known = await connection.fetch("SELECT rolname FROM pg_roles WHERE rolname = ANY($1::text[])", list(logins))
        missing = sorted(logins.keys() - {row[0] for row in known})
        for name in missing:
            await connection.execute(
                await connection.fetchval(_CREATE, name, verifier(logins[name], secrets.token_bytes(SALT_BYTES)))
            )
            await connection.execute(await connection.fetchval(_GRANT, name))
    return missing
