"""The commands of the tutorial and of the how-to pages, run as they stand, on an exchange of the test's own."""

import re
from pathlib import Path

import pytest

from tests.exchange import Exchange
from tests.runbooks.test_runbooks import BLOCK, await_redundancy, run

DOCS = Path(__file__).parents[2] / "docs"

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]


def script_of(page: Path) -> str:
    return "\n".join(text for _, text in BLOCK.findall(page.read_text()))


def test_the_tutorial_does_what_it_says(
    own_exchange: Exchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue = own_exchange
    await_redundancy(venue)
    # Its commands are for the clone's own directory, where .venv is.
    monkeypatch.chdir(DOCS.parent)
    variables = {"URL": venue.base_url, "DATA": str(venue.data_dir), "WORK": str(tmp_path)}
    shown = run(script_of(DOCS / "tutorial.md"), **variables)
    assert '"status":"PARTIALLY_FILLED"' in shown
    assert '"contingencyType":"OCO"' in shown
    assert '"stream":"btcusdt@depth@100ms"' in shown
    epochs = [int(epoch) for epoch in re.findall(r"^leader .* epoch (\d+)", shown, re.MULTILINE)]
    assert epochs[0] < epochs[-1], "another one leads after the leader was killed"
    assert re.search(r'"clientOrderId":"third".*"status":"NEW"', shown)
    assert "kept" in shown
    assert "BROKEN" not in shown
    told = {page.stem: run(script_of(page), **variables) for page in sorted((DOCS / "how-to").glob("*.md"))}
    assert "-5004" in told["security"], "the password alone signs nobody in who has a second factor"
    assert "has no second factor" in told["security"]


def test_pages_that_newcomers_read_have_no_dead_links() -> None:
    for page in (DOCS / "README.md", DOCS / "tutorial.md", *sorted((DOCS / "how-to").glob("*.md"))):
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
