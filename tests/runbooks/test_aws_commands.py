"""Every command to AWS in a page is one that the command line takes: service, operation, options, values."""

import importlib
import re
import shlex
from pathlib import Path

import pytest

from openbourse.roles import Bucket
from openbourse.sequencer.fence import ANSWER_LASTS_S, ASK_EVERY_S
from tests.runbooks.aws_commands import Command, commands, faults

DOCS = Path(__file__).parents[2] / "docs"
PAGES = (*sorted((DOCS / "runbooks").glob("*.md")), *sorted((DOCS / "aws").glob("*.md")))
OURS = re.compile(r"python -m (infra\.(?:groups|region|release|restore|roll))((?: +[^\s`|)&;]+)*)")
SIX = ("zone", "database", "cache", "region", "bad-deploy", "leaked-credential")


def found(path: Path) -> list[Command]:
    return list(commands(path.name, path.read_text()))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_command_line_takes_what_pages_say(path: Path) -> None:
    assert [fault for command in found(path) for fault in faults(command)] == []


@pytest.mark.parametrize("name", SIX)
def test_each_failure_has_figures_with_their_source_and_commands(name: str) -> None:
    text = (DOCS / "runbooks" / f"{name}.md").read_text()
    expected = text[text.index("\n## What to expect") + 1 :].partition("\n## ")[0]
    assert re.search(r"\d+ (?:s|minutes|hours)\b", expected), expected
    assert re.search(r"measured|documentation|paper", expected), expected
    assert found(DOCS / "runbooks" / f"{name}.md")


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("rds promote-read-replicas --db-instance-identifier x", "no operation"),
        ("rds promote-read-replica --db-instance x", "no option --db-instance"),
        ("rds promote-read-replica --region x", "without DBInstanceIdentifier"),
        ("rdss promote-read-replica --region x", "no service"),
        ("rds wait db-instance-there --db-instance-identifier x", "nothing to wait for"),
        ("autoscaling set-instance-protection --auto-scaling-group-name g --instance-ids i --protected-from-scale-in no",
         "takes no value"),
        ("autoscaling start-instance-refresh --auto-scaling-group-name g --preferences ScaleInProtected=Refresh", "knows no"),
        ("autoscaling update-auto-scaling-group --auto-scaling-group-name g --min-size none", "is no number"),
        ("elasticache modify-replication-group --replication-group-id g --auth-token-update-strategy TURN", "is none of"),
        ("ssm put-parameter --name n --value", "without a value"),
    ],
)  # fmt: skip
def test_a_command_that_would_be_refused_is_found(words: str, fault: str) -> None:
    for text in (f"```sh aws\nIDS=$(aws {words})\n```\n", f"say `aws\n  {words}` there"):
        [command] = commands("page", text)
        assert any(fault in each for each in faults(command))


def test_our_own_commands_are_taken_too() -> None:
    asked = [
        (path.name, *each) for path in PAGES for each in OURS.findall(path.read_text().replace("\\\n", " "))
    ]  # fmt: skip
    assert {module for _, module, _ in asked} == {
        f"infra.{name}" for name in ("groups", "region", "release", "restore", "roll")
    }  # fmt: skip
    for page, module, arguments in asked:
        values = [
            {"ENVIRONMENT": "global", "$ENVIRONMENT": "global"}.get(word, word) for word in shlex.split(arguments)
        ]
        try:
            importlib.import_module(module).parser().parse_args(values)
        except SystemExit:
            pytest.fail(f"{page}: python -m {module}{arguments}")


def test_the_way_back_copies_every_bucket_that_is_copied_there_before_the_first_region_leads() -> None:
    text = (DOCS / "runbooks" / "region.md").read_text()
    back = text[text.index("\n## The first region is back") :]
    [kinds] = re.findall(r"^for KIND in ([a-z ]+); do$", back, re.MULTILINE)
    assert kinds.split() == [kind.value for kind in (Bucket.ARCHIVE, Bucket.BACKUPS, Bucket.REPORTS)]
    assert back.index("s3 sync") < back.index("infra.region first") < back.index("put-secret-value")


def test_the_page_waits_until_the_lost_region_has_stopped_by_itself() -> None:
    text = (DOCS / "runbooks" / "region.md").read_text()
    moved, promoted = text.index("dig +short"), text.index("promote-read-replica")
    [waits] = re.findall(r"^sleep (\d+)$", text[moved:promoted], re.MULTILINE)
    # The name's own age on top, at the resolver of the lost Region.
    assert int(waits) >= ANSWER_LASTS_S + ASK_EVERY_S + 10 + 30
