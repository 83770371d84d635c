"""Logins are made without their password in a statement."""

import base64

import asyncpg
import pytest

from openbourse.adapters.logins_postgres import make_logins, verifier

PASSWORD = "it's a %secret"


async def test_the_verifier_is_the_one_that_postgresql_makes(database_url: str) -> None:
    master = await asyncpg.connect(database_url)
    made = master.transaction()
    await made.start()
    await master.execute("SET LOCAL password_encryption = 'scram-sha-256'")
    await master.execute("CREATE ROLE verified LOGIN PASSWORD 'it''s a %secret'")
    kept = await master.fetchval("SELECT rolpassword FROM pg_authid WHERE rolname = 'verified'")
    _, parameters, _ = kept.split("$")
    iterations, salt = parameters.split(":")
    assert verifier(PASSWORD, base64.b64decode(salt), int(iterations)) == kept
    await made.rollback()
    await master.close()


async def test_what_is_kept_is_a_verifier_and_another_time_nothing_is_made(database_url: str) -> None:
    master = await asyncpg.connect(database_url)
    made = master.transaction()
    await made.start()
    assert await make_logins(master, {"verified": PASSWORD}) == ["verified"]
    kept = await master.fetchval("SELECT rolpassword FROM pg_authid WHERE rolname = 'verified'")
    assert kept.startswith("SCRAM-SHA-256$4096:")
    assert await make_logins(master, {"verified": "another"}) == []
    assert kept == await master.fetchval("SELECT rolpassword FROM pg_authid WHERE rolname = 'verified'")
    await made.rollback()
    await master.close()


@pytest.mark.parametrize("password", ["", "pässword", "line\nbreak"])
def test_a_password_that_would_be_normalised_is_refused(password: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        verifier(password, b"salt")
