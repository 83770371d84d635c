"""The daily report's function as it is deployed: its archive, called by a schedule, on a real PostgreSQL.

The emulator runs it by this machine's Python, so the packages are those of this environment; a release fetches the same
names and versions as wheels for Lambda's (`python -m deploy.function`).
"""

import asyncio
import io
import json
import shutil
import subprocess
import sys
import time
import zipfile
from datetime import UTC, datetime, timedelta
from importlib.metadata import distribution
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from deploy.function import PACKAGES, locked, pack
from infra.plan import FUNCTION_RDS_CA, REPORT_HANDLER, REPORT_TIMEOUT_S, REPORT_WHEN
from openbourse import wiring
from openbourse.history.reports import DUE_AFTER_S, SUMMARY, key_of
from openbourse.settings import ProcessSettings
from openbourse.wiring import reports
from tests.emulators import client, point_at
from tests.wiring.test_archive import one_trade

ROOT = Path(__file__).parents[2]
SECONDS_MAX = 90.0
LOGIN = "openbourse/test/database"
BUCKET, MARKET = "report-function", "market-files"


def test_the_template_names_this_function_gives_it_time_and_calls_when_a_report_is_due() -> None:
    assert f"{reports.__name__}.{reports.lambda_handler.__name__}" == REPORT_HANDLER
    assert REPORT_TIMEOUT_S > reports.READ_SECONDS_MAX + reports.ROWS_SECONDS_MAX + reports.REPLICA_ROWS_SECONDS_MAX
    assert FUNCTION_RDS_CA == "/var/task/rds.pem", "where Lambda unpacks what pack() calls rds.pem"
    assert f"cron({DUE_AFTER_S // 60} 0 * * ? *)" == REPORT_WHEN


def test_the_lock_has_what_the_function_imports() -> None:
    lock = locked((ROOT / "requirements" / "aws.lock").read_text())
    assert [line.partition("==")[0] for line in lock.splitlines() if "==" in line] == list(PACKAGES)
    assert lock.count("--hash=") > len(PACKAGES)
    with pytest.raises(ValueError, match="asyncpg"):
        locked("")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The function's archive, of the packages of this environment."""
    packages, out = tmp_path_factory.mktemp("packages"), tmp_path_factory.mktemp("archive") / "function.zip"
    for name in PACKAGES:
        for file in distribution(name).files or ():
            if ".." not in file.parts and "__pycache__" not in file.parts:
                (packages / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(Path(str(file.locate())), packages / file)
    authorities = out.with_name("authorities")
    authorities.write_text("what an authority would be")
    pack(packages, out, authorities)
    first = out.read_bytes()
    pack(packages, out, authorities)
    assert out.read_bytes() == first, "the same files give the same bytes"
    return out


def test_the_archive_needs_nothing_beside_it(archive: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(tmp_path)
    assert (tmp_path / "rds.pem").read_text() == "what an authority would be"
    module, _, function = REPORT_HANDLER.rpartition(".")
    asked = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import {module} as m; m.{function}({{'date': '2999-01-01'}}, None)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", asked], capture_output=True, text=True, timeout=60, check=False
    )
    assert "ValueError: 2999-01-01 is not over yet" in done.stderr, done.stderr


@pytest.fixture
def function(
    archive: Path, settings: ProcessSettings, ministack_url: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, dict[str, Any]]:
    """The function on ministack, its login in a secret; return its ARN and what it was made of."""
    point_at(monkeypatch, ministack_url)
    parts = urlsplit(settings.database_url)
    secret = {"username": parts.username, "password": parts.password}
    client("secretsmanager", ministack_url).create_secret(Name=LOGIN, SecretString=json.dumps(secret))
    for bucket in (BUCKET, MARKET):
        client("s3", ministack_url).create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
    named = f"${{secretsmanager:{LOGIN}#username}}:${{secretsmanager:{LOGIN}#password}}"

    def by_reference(url: str) -> str:
        found = urlsplit(url)
        return found._replace(netloc=f"{named}@{found.netloc.rpartition('@')[2]}").geturl()

    variables = {
        "OPENBOURSE_JOURNAL_URL": by_reference(settings.journal_url),
        "OPENBOURSE_DATABASE_URL": by_reference(settings.database_url),
        "OPENBOURSE_REPORTS_URL": f"s3://{BUCKET}",
        "OPENBOURSE_MARKET_URL": f"s3://{MARKET}",
    }
    made = client("lambda", ministack_url).create_function(
        FunctionName="reporter",
        Runtime="python3.14",
        Handler=REPORT_HANDLER,
        Role="arn:aws:iam::000000000000:role/reporter",
        Timeout=60,
        Code={"ZipFile": archive.read_bytes()},
        Environment={"Variables": variables},
    )
    return made["FunctionArn"], variables


async def test_a_schedule_has_yesterday_s_report_written(
    function: tuple[str, dict[str, Any]], settings: ProcessSettings, ministack_url: str
) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    noon = yesterday.replace(hour=12, minute=0, second=0, microsecond=0)
    await wiring.migrate(settings)
    await one_trade(settings, int(noon.timestamp()) * 1_000_000)
    due = datetime.now(UTC) - timedelta(minutes=1)
    client("scheduler", ministack_url).create_schedule(
        Name="daily-report",
        ScheduleExpression=f"at({due:%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": function[0], "RoleArn": "arn:aws:iam::000000000000:role/schedule"},
    )
    s3, limit = client("s3", ministack_url), time.monotonic() + SECONDS_MAX
    wanted = key_of(0, noon.date(), SUMMARY)
    while wanted not in (keys := [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]):
        assert time.monotonic() < limit, keys
        await asyncio.sleep(0.5)
    summary = json.load(io.BytesIO(s3.get_object(Bucket=BUCKET, Key=wanted)["Body"].read()))
    assert (summary["date"], summary["trades"], summary["fills"]) == (noon.date().isoformat(), 1, 2)
    files = [each["Key"] for each in s3.list_objects_v2(Bucket=MARKET)["Contents"]]
    assert [key.rpartition(f"1m-{noon.date()}")[2] for key in files] == [".zip", ".zip.CHECKSUM"]
    # Called again it finds the same there, and is content.
    invoked = client("lambda", ministack_url).invoke(
        FunctionName="reporter", Payload=json.dumps({"date": summary["date"]})
    )
    assert "FunctionError" not in invoked
    assert json.load(invoked["Payload"]) == summary
