"""Workflows run what is here, with pinned actions and few rights; `make deploy-check` has tools judge them."""

import re

import pytest

from deploy.stage import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("name", ["ci.yml", "nightly.yml", "release.yml"])
def test_actions_are_pinned_and_rights_are_few(name: str) -> None:
    text = (ROOT / ".github" / "workflows" / name).read_text()
    for line in re.findall(r"uses: .*", text):
        assert re.fullmatch(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line
    assert re.search(r"^permissions:(?: \{\}|\n  contents: read)$", text, re.MULTILINE)
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")
    assert text.count("timeout-minutes:") == len(re.findall(r"^    runs-on:", text, re.MULTILINE))


def test_what_they_call_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    called = {name for path in WORKFLOWS for name in re.findall(r"\bmake ([a-z-]+)", path.read_text())}
    assert {"sim", "fuzz", "chaos", "bench", "infra", "deploy-check"} <= called <= targets
    for path in WORKFLOWS:
        for script in re.findall(r"(?:^| )(\.ci/\w+|deploy/[\w./]+\.sh)", path.read_text(), re.MULTILINE):
            assert (ROOT / script).is_file()
