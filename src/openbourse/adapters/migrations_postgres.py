"""Schema revisions of services, applied in order and once each; a changed old revision is refused."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import asyncpg
import structlog

log: Final = structlog.get_logger()

LOCK: Final = 7_002
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS public.openbourse_revision (
    service text NOT NULL,
    name text NOT NULL,
    digest bytea NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (service, name)
)
"""


class RevisionChanged(Exception):
    """A revision that was applied before reads differently now: write a new one beside it."""


async def apply_revisions(connection: asyncpg.Connection, folders: Mapping[str, Path]) -> list[str]:
    """Apply what is missing of every service's `*.sql`, each in one transaction; return what was applied."""
    applied: list[str] = []
    # Two processes that start at once must not both create the same table.
    await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
    try:
        await connection.execute(_TABLE)
        for service, folder in folders.items():
            known = {
                row["name"]: row["digest"]
                for row in await connection.fetch(
                    "SELECT name, digest FROM public.openbourse_revision WHERE service = $1", service
                )
            }
            applied += await _apply_service(connection, service, sorted(folder.glob("*.sql")), known)
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", LOCK)
    return applied


async def _apply_service(
    connection: asyncpg.Connection, service: str, revisions: Sequence[Path], known: Mapping[str, bytes]
) -> list[str]:
    applied = []
    for revision in revisions:
        text = revision.read_text()
        digest = hashlib.sha256(text.encode()).digest()
        if revision.stem in known:
            if known[revision.stem] != digest:
                raise RevisionChanged(f"{service}/{revision.name}")
            continue
        async with connection.transaction():
            await connection.execute(text)
            await connection.execute(
                "INSERT INTO public.openbourse_revision (service, name, digest) VALUES ($1, $2, $3)",
                service,
                revision.stem,
                digest,
            )
        log.info("revision applied", service=service, revision=revision.stem)
        applied.append(f"{service}/{revision.stem}")
    return applied
