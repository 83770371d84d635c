"""What streams and answers come to is told the same twice, and differs by seed."""

import pytest

from sim import likeness


def test_a_line_a_seed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(likeness, "SEEDS", range(1, 4))
    monkeypatch.setattr(likeness, "COMMANDS", 60)
    assert likeness.main([]) == 0
    first = capsys.readouterr().out
    assert len({line.split()[2] for line in first.splitlines()}) == 3
    likeness.main([])
    assert capsys.readouterr().out == first
