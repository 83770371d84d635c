"""Migrations that two releases can live with side by side go through; others are held back."""

import shutil
from pathlib import Path

import pytest

from deploy.gate import compare, is_contract
from deploy.stage import ROOT

EXPANDS = (
    "CREATE TABLE identity.device (id bigint PRIMARY KEY, name text NOT NULL UNIQUE)",
    "ALTER TABLE identity.users ADD COLUMN locale text",
    "ALTER TABLE identity.users ADD COLUMN locale text NOT NULL DEFAULT 'en'",
    "CREATE INDEX users_locale ON identity.users (locale)",
    "ALTER TABLE a ADD CONSTRAINT positive CHECK (b > 0) NOT VALID",
)
CONTRACTS = (
    "ALTER TABLE identity.users DROP COLUMN email",
    "DROP TABLE identity.users",
    "ALTER TABLE identity.users RENAME COLUMN email TO mail",
    "ALTER TABLE identity.users ALTER COLUMN email TYPE varchar(10)",
    "ALTER TABLE identity.users ALTER COLUMN password_hash SET NOT NULL",
    "ALTER TABLE identity.users ADD COLUMN locale text NOT NULL",
    "ALTER TABLE identity.users ADD CONSTRAINT short CHECK (length(email) < 10)",
    "CREATE UNIQUE INDEX one ON identity.users (locale)",
    "UPDATE identity.users SET email = lower(email)",
    "TRUNCATE identity.test_funds",
)


@pytest.fixture
def releases(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("old", "new"):
        for part in ("identity/revisions", "wallet/revisions"):
            shutil.copytree(ROOT / "src/openbourse" / part, tmp_path / name / "src/openbourse" / part)
        for part in ("history", "marketdata", "sequencer"):
            (tmp_path / name / "src/openbourse" / part).mkdir()
            shutil.copy(ROOT / "src/openbourse" / part / "tables.py", tmp_path / name / "src/openbourse" / part)
    return tmp_path / "old", tmp_path / "new"


def add(release: Path, statement: str) -> None:
    (release / "src/openbourse/identity/revisions/9999_next.sql").write_text(f"-- why\n{statement};\n")


def test_what_is_committed_differs_from_itself_in_nothing(releases: tuple[Path, Path]) -> None:
    verdict = compare(*releases)
    assert verdict.lines() == ["nothing changes"]
    assert verdict.allows(contract=False, rebuild=False)


@pytest.mark.parametrize("statement", EXPANDS)
def test_expanding_goes_through(releases: tuple[Path, Path], statement: str) -> None:
    add(releases[1], statement)
    verdict = compare(*releases)
    assert len(verdict.expands) == 1
    assert verdict.allows(contract=False, rebuild=False)


@pytest.mark.parametrize("statement", CONTRACTS)
def test_contracting_waits_until_nothing_older_runs(releases: tuple[Path, Path], statement: str) -> None:
    assert is_contract(statement)
    add(releases[1], statement)
    verdict = compare(*releases)
    assert not verdict.allows(contract=False, rebuild=True)
    assert verdict.allows(contract=True, rebuild=False)


def test_a_changed_revision_never_goes_out(releases: tuple[Path, Path]) -> None:
    [first, *_] = (releases[1] / "src/openbourse/identity/revisions").iterdir()
    first.write_text(first.read_text() + "-- and one more remark\n")
    assert not compare(*releases).allows(contract=True, rebuild=True)


def test_a_rebuild_is_said_yes_to(releases: tuple[Path, Path]) -> None:
    tables = releases[1] / "src/openbourse/history/tables.py"
    tables.write_text(tables.read_text().replace("VERSION: Final = ", "VERSION: Final = 9"))
    verdict = compare(*releases)
    assert not verdict.allows(contract=True, rebuild=False)
    assert verdict.allows(contract=False, rebuild=True)


def test_a_projection_that_changes_in_silence_is_refused(releases: tuple[Path, Path]) -> None:
    tables = releases[1] / "src/openbourse/marketdata/tables.py"
    tables.write_text(tables.read_text().replace(" bigint", " integer", 1))
    assert not compare(*releases).allows(contract=True, rebuild=True)


def test_the_journal_is_looked_at_too(releases: tuple[Path, Path]) -> None:
    tables = releases[1] / "src/openbourse/sequencer/tables.py"
    tables.write_text(
        tables.read_text().replace('\n"""\n', '\nALTER TABLE journal.snapshot DROP COLUMN parts;\n"""\n', 1)
    )
    assert not compare(*releases).allows(contract=False, rebuild=False)


def test_going_back_is_no_contract(releases: tuple[Path, Path]) -> None:
    add(releases[0], EXPANDS[1])
    assert compare(*releases).lines() == ["nothing changes"]
