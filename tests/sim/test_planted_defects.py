"""What a defect in our own logic would do is seen by the auditor: each one planted is found."""

import pytest

from sim.cluster.defects import DEFECTS, TABLE, find_all, recorded

DEFECTS_MIN = 25


def test_the_table_names_every_defect() -> None:
    rows = [line.split("|") for line in TABLE.read_text().splitlines() if line.startswith("| ")][1:]
    told = {row[1].strip(): row[2].strip() for row in rows}
    assert told == {name: defect.what for name, defect in DEFECTS.items()}, "write it anew: make sim ARGS=--defects"
    assert all(recorded().values()), "each has the seed that found it"


@pytest.mark.timeout(900)
def test_each_planted_defect_is_found() -> None:
    found = list(find_all())
    missed = [each.name for each in found if not each.seed]
    assert not missed
    assert len(found) >= DEFECTS_MIN
