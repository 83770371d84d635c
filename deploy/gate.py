#!/usr/bin/env python3
"""The gate of migrations: what a release changes in the databases, and whether two releases can run beside each other on it.

`gate.py OLD NEW` compares two releases' directories. Expand is let through: new tables, columns with defaults, indexes.
Contract (dropping, renaming, tightening) is let through only by --contract, when nothing older than OLD runs any more.
A changed old revision never is. Needs nothing but Python, so that it runs on an instance.
"""

import argparse
import hashlib
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

CONTRACT = re.compile(
    r"(?ix) \b(?: DROP | RENAME | TRUNCATE | DELETE\s+FROM | SET\s+NOT\s+NULL | SET\s+DATA\s+TYPE | REVOKE | UPDATE )\b"
    r" | \bALTER\s+(?:COLUMN\s+)?\w+\s+TYPE\b | \bADD\s+(?:CONSTRAINT\b (?!.*NOT\s+VALID) | UNIQUE | CHECK | PRIMARY )"
    r" | \bCREATE\s+UNIQUE\s+INDEX\b | \bADD\s+COLUMN\b (?!.*\bDEFAULT\b) .*\bNOT\s+NULL\b"
)
"""What a program that was written before may not live with, or what takes a lock for long."""
OF_NEW_THINGS = re.compile(r"(?i)^\s*CREATE\s+(?:SCHEMA|TABLE|SEQUENCE|INDEX|VIEW)\b(?!.*\bUNIQUE\s+INDEX\b)")
PROJECTIONS = ("history", "marketdata")
VERSION = re.compile(r"^VERSION(?:: Final)? = (\d+)$", re.MULTILINE)
SCHEMA = re.compile(r'^SCHEMA(?:: Final)? = """\n(.*?)^"""', re.MULTILINE | re.DOTALL)


@dataclass
class Verdict:
    """What was found between two releases."""

    expands: list[str] = field(default_factory=list)
    contracts: list[str] = field(default_factory=list)
    rebuilds: list[str] = field(default_factory=list)
    """Projections that are dropped and made again from the journal: reads of them are empty meanwhile."""
    refused: list[str] = field(default_factory=list)

    def allows(self, contract: bool, rebuild: bool) -> bool:
        """Tell whether the release may go out with what the operator said yes to."""
        return not self.refused and (contract or not self.contracts) and (rebuild or not self.rebuilds)

    def lines(self) -> list[str]:
        """Return it in words."""
        named = {"expand": self.expands, "contract": self.contracts, "rebuild": self.rebuilds, "refused": self.refused}
        return [f"{kind:9} {text}" for kind, texts in named.items() for text in texts] or ["nothing changes"]


def package(release: Path) -> Path:
    """Return the program's package in a release (or in a source tree). Raises FileNotFoundError."""
    found = [*release.glob("lib/python3*/site-packages/openbourse"), *release.glob("src/openbourse")]
    if not found:
        raise FileNotFoundError(f"there is no release in {release}")
    return found[0]


def statements(text: str) -> list[str]:
    """Return the statements of a revision, each on one line and without remarks."""
    bare = re.sub(r"--[^\n]*", " ", text)
    return [" ".join(part.split()) for part in bare.split(";") if part.strip()]


def is_contract(statement: str) -> bool:
    """Tell whether a statement takes away or tightens; what a new table says of itself does not."""
    return not OF_NEW_THINGS.match(statement) and CONTRACT.search(statement) is not None


def compare(old: Path, new: Path) -> Verdict:
    """Compare two releases."""
    verdict = Verdict()
    _revisions(package(old), package(new), verdict)
    _journal(package(old), package(new), verdict)
    _projections(package(old), package(new), verdict)
    return verdict


def _projections(old: Path, new: Path, verdict: Verdict) -> None:
    # One number stands for both schemas: they have one cursor.
    before, after = (_version(root / "history" / "tables.py") for root in (old, new))
    if before != after:
        verdict.rebuilds.append(f"projections: version {before} becomes {after}")
        return
    for name in PROJECTIONS:
        if _schema(old / name / "tables.py") != _schema(new / name / "tables.py"):
            verdict.refused.append(f"projection_{name}: its tables differ, and VERSION in history/tables.py does not")


def _revisions(old: Path, new: Path, verdict: Verdict) -> None:
    known = {path.relative_to(old): path for path in sorted(old.glob("*/revisions/*.sql"))}
    offered = {path.relative_to(new): path for path in sorted(new.glob("*/revisions/*.sql"))}
    for name, path in known.items():
        # What is missing was added by the release that is left again: it stays, and the older program does not see it.
        if name in offered and _digest(path) != _digest(offered[name]):
            verdict.refused.append(f"{name}: a revision that was applied reads differently; write a new one beside it")
    for name in sorted(offered.keys() - known.keys()):
        for statement in statements(offered[name].read_text()):
            kind = verdict.contracts if is_contract(statement) else verdict.expands
            kind.append(f"{name}: {statement[:100]}")


def _journal(old: Path, new: Path, verdict: Verdict) -> None:
    before, after = (_schema(root / "sequencer" / "tables.py") for root in (old, new))
    for statement in after:
        if statement not in before:
            kind = verdict.contracts if is_contract(statement) else verdict.expands
            kind.append(f"journal: {statement[:100]}")


def _schema(path: Path) -> list[str]:
    found = SCHEMA.search(path.read_text())
    if found is None:
        raise ValueError(f"{path} has no SCHEMA that can be read")
    return statements(found[1])


def _version(path: Path) -> int:
    found = VERSION.search(path.read_text())
    if found is None:
        raise ValueError(f"{path} has no VERSION that can be read")
    return int(found[1])


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    """Compare two releases; end with 1 when the new one may not go out."""
    parser = argparse.ArgumentParser(prog="gate.py", description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--contract", action="store_true", help="nothing older than OLD runs any more")
    parser.add_argument(
        "--rebuild", action="store_true", help="projections may be made again; reads are empty meanwhile"
    )
    given = parser.parse_args()
    verdict = compare(given.old, given.new)
    print("\n".join(verdict.lines()))
    sys.exit(not verdict.allows(given.contract, given.rebuild))


if __name__ == "__main__":
    main()
