"""An instance's first start: settings and secrets are fetched once, and kept for root alone."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import boto3
import pytest
from moto import mock_aws

from deploy.stage import ROOT
from infra.plan import needs_of
from openbourse.adapters.secrets_references import resolve
from openbourse.roles import FLEETS, Fleet, Need
from openbourse.settings import read_settings

PATH = "/openbourse/test/settings"


@pytest.fixture
def signed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")


@pytest.fixture
def join() -> ModuleType:
    spec = importlib.util.spec_from_file_location("join", ROOT / "deploy" / "image" / "join.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@mock_aws
@pytest.mark.usefixtures("signed_in")
def test_settings_and_secrets_become_an_environment_file(join: ModuleType, tmp_path: Path) -> None:
    region = "eu-central-1"
    vault = boto3.client("secretsmanager", region_name=region)
    kept = {
        "journal": json.dumps({"username": "journal", "password": 'p@ss/"word\\'}),
        "database": json.dumps({"username": "venue", "password": "a:b"}),
        "valkey": "token:1",
        "master": "ab" * 32,
    }
    names = {name: vault.create_secret(Name=name, SecretString=text)["ARN"] for name, text in kept.items()}
    values = {
        "JOURNAL_URL": "postgresql://db:5432/openbourse?sslmode=verify-full",
        "JOURNAL_SECRET": names["journal"],
        "DATABASE_URL": "postgresql://db:5432/openbourse",
        "READER_URL": "postgresql://db-ro:5432/openbourse",
        "DATABASE_SECRET": names["database"],
        "VALKEY_URL": "rediss://cache:6379/0",
        "VALKEY_SECRET": names["valkey"],
        "MASTER_KEY_SECRET": names["master"],
        "TRUSTED_PROXIES": "10.0.0.0/16",
        **{f"MANY_{number}": "x" for number in range(12)},  # more than one page
    }
    store = boto3.client("ssm", region_name=region)
    for name, value in values.items():
        store.put_parameter(Name=f"{PATH}/{name}", Value=value, Type="String")
    instance = join.read_instance(f"OPENBOURSE_FLEET=gateway\nOPENBOURSE_SETTINGS_PATH={PATH}\nAWS_REGION={region}\n")
    join.fetch(instance, tmp_path, "10.0.1.7")
    for name in ("venue.env", "master.key"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "master.key").read_text() == "ab" * 32 + "\n"
    text = (tmp_path / "venue.env").read_text()
    assert "_SECRET" not in text
    assert 'OPENBOURSE_MANY_11="x"' in text
    written = {name: value[1:-1] for name, value in join.read_instance(text).items()}
    read = read_settings({**written, **resolve(written, lambda service: boto3.client(service, region_name=region))})
    assert read.journal_url == "postgresql://journal:p%40ss%2F%22word%5C@db:5432/openbourse?sslmode=verify-full"
    assert read.database_url == "postgresql://venue:a%3Ab@db:5432/openbourse"
    assert read.reader_url == "postgresql://venue:a%3Ab@db-ro:5432/openbourse"
    assert read.valkey_url == "rediss://:token%3A1@cache:6379/0"
    assert (read.host, read.intake_host, read.trusted_proxies) == ("0.0.0.0", "10.0.1.7", ("10.0.0.0/16",))
    # A password that the clock changes is met by whatever starts after it: the file names secrets and holds none.
    assert not [word for word in ("p@ss", "p%40ss", "a:b", "a%3Ab", "token") if word in text]
    vault.put_secret_value(SecretId="journal", SecretString=json.dumps({"username": "journal", "password": "changed"}))
    found = resolve(written, lambda service: boto3.client(service, region_name=region))
    assert found["OPENBOURSE_JOURNAL_URL"] == "postgresql://journal:changed@db:5432/openbourse?sslmode=verify-full"


@pytest.mark.parametrize("fleet", FLEETS, ids=lambda fleet: fleet.name)
def test_an_instance_asks_for_the_secrets_that_its_role_may_read(join: ModuleType, fleet: Fleet) -> None:
    every = (Need.JOURNAL, Need.DATABASE, Need.VALKEY, Need.MASTER_KEY)
    settings = {f"{need.name}_SECRET": need.value for need in every}
    settings |= {f"{name}_URL": "scheme://host/name" for name in ("JOURNAL", "DATABASE", "READER", "VALKEY")}
    asked: list[str] = []

    def secret(name: str) -> str:
        asked.append(name)
        return "ab" * 32

    values, master_key = join.compose(settings, secret, join.needs_of(" ".join(fleet.roles)))
    allowed = needs_of(fleet) - {Need.SEQUENCER}
    assert set(asked) == {need.value for need in allowed}
    assert bool(master_key) == (Need.MASTER_KEY in allowed)
    # What names a secret that may not be read would keep the process from starting.
    assert {name for name in values if name.endswith("_URL")} == {
        f"OPENBOURSE_{name}_URL"
        for need in allowed - {Need.MASTER_KEY}
        for name in ((need.name, "READER") if need is Need.DATABASE else (need.name,))
    }


def test_a_secret_that_cannot_be_had_is_found_before_a_fleet_starts(join: ModuleType) -> None:
    settings = {f"{name}_URL": "scheme://host/name" for name in ("JOURNAL", "DATABASE", "READER", "VALKEY")}
    settings["JOURNAL_SECRET"] = "journal"

    def away(name: str) -> str:
        raise OSError(name)

    with pytest.raises(OSError, match="journal"):
        join.compose(settings, away, join.needs_of(""))


@pytest.mark.parametrize("missing", ["JOURNAL_URL", "DATABASE_URL", "READER_URL", "VALKEY_URL"])
def test_a_setting_that_is_not_there_yet_is_waited_for(join: ModuleType, missing: str) -> None:
    settings = {f"{name}_URL": "scheme://host/name" for name in ("JOURNAL", "DATABASE", "READER", "VALKEY")}
    del settings[missing]
    with pytest.raises(ValueError, match=missing):
        join.compose(settings, str, join.needs_of(""))
    of_none_of_these = {"MASTER_KEY"}
    assert join.compose(settings, str, of_none_of_these)[1] == ""


@mock_aws
@pytest.mark.usefixtures("signed_in")
def test_an_instance_without_its_settings_keeps_nothing(join: ModuleType, tmp_path: Path) -> None:
    instance = {"OPENBOURSE_SETTINGS_PATH": PATH, "AWS_REGION": "eu-central-1", "OPENBOURSE_ROLES": "gateway"}
    with pytest.raises(ValueError, match="not there yet"):
        join.fetch(instance, tmp_path, "10.0.1.7")
    assert list(tmp_path.iterdir()) == []  # the unit fails, and tries again in five seconds


def test_what_an_environment_file_cannot_hold_is_refused(join: ModuleType) -> None:
    assert join.environment_file({"A": 'b"\\c'}) == 'A="b\\"\\\\c"\n'
    with pytest.raises(ValueError, match="A has"):
        join.environment_file({"A": "b\nEVIL=1"})


def test_the_agent_writes_to_the_group_that_the_instance_is_told(join: ModuleType) -> None:
    template = (ROOT / "deploy" / "image" / "cloudwatch-agent.json").read_text()
    told = json.loads(join.agent_configuration(template, "/openbourse/test/gateway"))
    groups = [each["log_group_name"] for each in told["logs"]["logs_collected"]["files"]["collect_list"]]
    assert groups == ["/openbourse/test/gateway"]
    assert told["metrics"] == json.loads(template)["metrics"]
