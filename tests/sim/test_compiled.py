"""The reference as machine code: made of the sources as they are, never stale, never mixed with what is imported already."""

from pathlib import Path

import pytest

from sim import compiled


def trusted(_folder: Path) -> None:
    """Believe that a translation means what its sources mean."""


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have a package of two small modules to be translated, and one that is not."""
    package = tmp_path / "sim"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "reference_sum.py").write_text("def total(values: list[int]) -> int:\n    return sum(values)\n")
    (package / "reference_record.py").write_text("STATE = 1\n")
    for name in compiled.TRANSLATORS:
        (package / name).write_text("")
    monkeypatch.setattr(compiled, "HERE", package)
    return package


def test_only_modules_that_can_be_are_translated_and_what_older_ones_left_goes(sources: Path, tmp_path: Path) -> None:
    built = tmp_path / "built"
    older = compiled.folder(built)
    older.mkdir(parents=True)
    (sources / "reference_sum.py").write_text("def total(values: list[int]) -> int:\n    return sum(values) + 0\n")
    target = compiled.build(built, trusted)
    assert list(built.iterdir()) == [target]
    assert target == compiled.folder(built) != older
    assert {path.name.split(".")[0].removesuffix("__mypyc") for path in target.rglob("*.so")} == {"reference_sum"}
    assert list(target.rglob("*.py")) == []
    assert compiled.build(built, trusted) == target


def test_what_the_translator_says_is_told_and_nothing_is_left(sources: Path, tmp_path: Path) -> None:
    built = tmp_path / "built"
    (sources / "reference_sum.py").write_text('def total(values: list[int]) -> int:\n    return "none"\n')
    with pytest.raises(compiled.NotBuilt, match="reference_sum"):
        compiled.build(built, trusted)
    assert not compiled.folder(built).exists()


def test_machine_code_that_gives_other_bytes_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package, other = tmp_path / "sim", tmp_path / "other"
    package.mkdir()
    monkeypatch.setattr(compiled, "HERE", package)
    (package / "likeness.py").write_text("import sys\nprint(sys.argv[1:] == ['other'])\n")
    with pytest.raises(compiled.NotBuilt, match="other bytes"):
        compiled.require_likeness(Path("other"))
    compiled.require_likeness(other)


def test_words_of_the_protocol_are_part_of_the_name(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = sources / "protocol"
    words.mkdir()
    monkeypatch.setattr(compiled, "PROTOCOL", words)
    (words / "amounts.py").write_text("UNIT = 1\n")
    before = compiled.folder()
    (words / "amounts.py").write_text("UNIT = 2\n")
    assert compiled.folder() != before


def test_modules_imported_before_are_not_mixed_with_machine_code(tmp_path: Path) -> None:
    import sim.reference

    assert sim.reference.__file__.endswith(".py")
    with pytest.raises(RuntimeError, match="imported before"):
        compiled.use(tmp_path)
