"""Logins of the program, made once by whoever may make logins: each may make schemas of its own and nothing else."""

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


async def make_logins(connection: asyncpg.Connection, logins: Mapping[str, str]) -> list[str]:
    """Make the logins that are missing, by name and password; return which. Those that are there keep their password."""
    async with connection.transaction():
        known = await connection.fetch("SELECT rolname FROM pg_roles WHERE rolname = ANY($1::text[])", list(logins))
        missing = sorted(logins.keys() - {row[0] for row in known})
        for name in missing:
            await connection.execute(await connection.fetchval(_CREATE, name, logins[name]))
            await connection.execute(await connection.fetchval(_GRANT, name))
    return missing
