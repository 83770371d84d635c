"""Runs are kept and add up; the picture shows every fault and failed request."""

from pathlib import Path
from xml.etree import ElementTree

from chaos.checker import Verdict
from chaos.faults import Fault, Kind
from chaos.history import Kind as Asked
from chaos.history import Outcome, Request, encode, read
from chaos.inject import Injected
from chaos.measure import by_kind, felt
from chaos.picture import draw
from chaos.report import ROOT, Run, keep, recorded, table, whole

REQUESTS = [
    Request(
        number=number, account=1, kind=Asked.PLACE, name=f"c{number}", via="rest", planned=number / 10,
        sent=number / 10, answered=number / 10 + 0.02, outcome=Outcome.SHED if number == 50 else Outcome.DONE,
    )
    for number in range(100)
]  # fmt: skip
FAULTS = [Injected(Fault(1, Kind.DISK_FULL, 1.0, 1.0, 0.5), "a-database <1>", 4.0, 5.0, 6.0)]


def test_runs_that_are_kept_add_up(tmp_path: Path) -> None:
    path = tmp_path / "chaos.json"
    run = Run(
        when="now", commit="c", seed=1, faults=2, lost=0, doubled=0, breaks=0, kinds={}, felt=felt(FAULTS, REQUESTS, 9)
    )
    assert recorded(path) == []
    keep(run, path)
    assert sum(kept.faults for kept in keep(run, path)) == 4
    assert recorded(path) == [run, run]


def test_a_report_does_not_tell_where_its_checkout_lies() -> None:
    run = Run(when="now", commit="c", seed=1, faults=0, lost=0, doubled=0, breaks=0, kinds={}, felt=[])
    report = whole(run, Verdict(), {}, [(1.0, f'executing "{ROOT}/bin/postgres", then {ROOT}/bin/pg_rewind')])
    assert report["notes"] == ['     1.00 executing "bin/postgres", then bin/pg_rewind']


def test_the_table_has_a_line_for_each_kind_and_one_above() -> None:
    lines = table(by_kind(felt(FAULTS, REQUESTS, 9)))
    assert [line.split("  ")[0] for line in lines] == ["", "disk full"]


def test_the_picture_is_a_whole_document_with_every_fault_and_failed_request() -> None:
    root = ElementTree.fromstring(draw(REQUESTS, FAULTS, 0.0, "seed 1 & more"))
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert "seed 1 & more" in texts
    assert "disk full" in texts
    reds = [element for element in root.iter() if element.get("fill") == "#c0392b"]
    assert len(reds) == 1


def test_a_history_reads_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_bytes(b"".join(encode(request) for request in REQUESTS))
    assert read(path) == REQUESTS
