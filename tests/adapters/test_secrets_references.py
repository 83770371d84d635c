"""Secrets by reference: resolved once, kept for restarts, asked for again when they were rotated, never shown."""

import base64
import json
import os
import secrets
from pathlib import Path
from typing import Any

import pytest

from openbourse.adapters import secrets_references as references
from openbourse.adapters.secrets import MasterKey
from openbourse.adapters.secrets_references import SecretAway, aws_client, forget, has_references, resolve
from openbourse.settings import ProcessSettings
from openbourse.wiring.stores import Stores
from tests.emulators import client

PASSWORD = "s3cr/et@word"


def environment(tmp_path: Path, **settings: str) -> dict[str, str]:
    return {"OPENBOURSE_SECRETS_CACHE": str(tmp_path / "cache"), **{f"OPENBOURSE_{k}": v for k, v in settings.items()}}


class Down:
    """AWS when nobody answers; counts who asks."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, service: str) -> Any:
        self.calls += 1
        raise ConnectionError(f"{service} is down, and here is a secret: {PASSWORD}")


@pytest.fixture
def name(aws: str) -> str:
    """A secret that AWS knows."""
    name = f"database-{secrets.token_hex(4)}"
    client("secretsmanager", aws).create_secret(
        Name=name, SecretString=json.dumps({"username": "venue", "password": PASSWORD})
    )
    return name


def age(tmp_path: Path, seconds: float) -> None:
    for path in (tmp_path / "cache").glob("*.json"):
        then = path.stat().st_mtime - seconds
        os.utime(path, (then, then))


def test_whole_values_and_parts_of_urls_are_resolved(name: str, aws: str, tmp_path: Path) -> None:
    parameter = f"/openbourse/{secrets.token_hex(4)}"
    client("ssm", aws).put_parameter(Name=parameter, Value="token", Type="SecureString")
    (tmp_path / "key").write_text("ab" * 32 + "\n")
    found = resolve(
        environment(
            tmp_path,
            METRICS_TOKEN=f"ssm:{parameter}",
            MASTER_KEY=f"file:{tmp_path / 'key'}",
            DATABASE_URL=f"postgresql://${{secretsmanager:{name}#username}}:${{secretsmanager:{name}#password}}@db/venue",
            ARCHIVE_URL="file:///a/place/not/a/secret",
            PORT="8000",
        )
    )
    assert found == {
        "OPENBOURSE_METRICS_TOKEN": "token",
        "OPENBOURSE_MASTER_KEY": "ab" * 32,
        "OPENBOURSE_DATABASE_URL": "postgresql://venue:s3cr%2Fet%40word@db/venue",
    }


def test_a_secret_that_several_settings_name_is_asked_for_once(name: str, tmp_path: Path) -> None:
    asked = []

    def counting(service: str) -> Any:
        asked.append(service)
        return aws_client(service)

    reference = f"secretsmanager:{name}#password"
    resolve({"OPENBOURSE_A": reference, "OPENBOURSE_B": reference, "OPENBOURSE_C": f"secretsmanager:{name}"}, counting)
    assert asked == ["secretsmanager"]


def test_a_restart_asks_nobody_and_an_outage_stops_no_start(name: str, tmp_path: Path) -> None:
    named, down = environment(tmp_path, METRICS_TOKEN=f"secretsmanager:{name}#password"), Down()
    first = resolve(named)
    assert resolve(named, down) == first
    assert down.calls == 0, "what is fresh needs no call"
    age(tmp_path, references.FRESH_S * 1_000)
    assert resolve(named, down) == first
    assert down.calls == 1, "what is old is asked for, and taken all the same"
    with pytest.raises(SecretAway) as caught:
        resolve({"OPENBOURSE_METRICS_TOKEN": named["OPENBOURSE_METRICS_TOKEN"]}, down)
    assert "OPENBOURSE_METRICS_TOKEN" in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_a_rotated_secret_is_taken_when_old_or_once_it_was_refused(name: str, aws: str, tmp_path: Path) -> None:
    named = environment(tmp_path, METRICS_TOKEN=f"secretsmanager:{name}#password")
    resolve(named)
    rotate(aws, name, "second")
    assert resolve(named)["OPENBOURSE_METRICS_TOKEN"] == PASSWORD
    age(tmp_path, references.FRESH_S + 1)
    assert resolve(named)["OPENBOURSE_METRICS_TOKEN"] == "second"
    rotate(aws, name, "third")
    forget(named)
    assert resolve(named)["OPENBOURSE_METRICS_TOKEN"] == "third"


def rotate(aws: str, name: str, password: str) -> None:
    client("secretsmanager", aws).put_secret_value(SecretId=name, SecretString=json.dumps({"password": password}))


def test_what_is_kept_is_the_owner_s_alone_and_what_is_not_is_not_believed(name: str, tmp_path: Path) -> None:
    named = environment(tmp_path, METRICS_TOKEN=f"secretsmanager:{name}#password")
    resolve(named)
    [path] = (tmp_path / "cache").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert name not in path.name
    path.write_text(json.dumps({"value": json.dumps({"password": "planted"})}))
    path.chmod(0o644)
    assert resolve(named)["OPENBOURSE_METRICS_TOKEN"] == PASSWORD


@pytest.mark.parametrize("reference", ["secretsmanager:none-such", "ssm:/none/such", "kms:!!!", "file:/none/such"])
def test_what_cannot_be_had_is_named_by_its_variable(reference: str, aws: str) -> None:
    with pytest.raises(SecretAway, match="OPENBOURSE_METRICS_TOKEN"):
        resolve({"OPENBOURSE_METRICS_TOKEN": reference})


def test_a_part_that_is_not_there_is_refused_without_showing_the_rest(name: str) -> None:
    with pytest.raises(SecretAway, match="no part 'pin'") as caught:
        resolve({"OPENBOURSE_METRICS_TOKEN": f"secretsmanager:{name}#pin"})
    assert PASSWORD not in str(caught.value)


def test_plain_settings_need_nothing() -> None:
    plain = {"OPENBOURSE_ARCHIVE_URL": "file:///x", "OPENBOURSE_NOTIFY_URL": "sqs:https://x", "HOME": "ssm:x"}
    assert not has_references(plain)
    assert has_references({"OPENBOURSE_JOURNAL_URL": "postgresql://a:${ssm:/x}@b/c"})


def test_a_master_key_wrapped_by_kms_opens_what_the_plain_one_sealed(aws: str, tmp_path: Path) -> None:
    kms = client("kms", aws)
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    plain = secrets.token_bytes(32)
    sealed = MasterKey(plain).seal(b"api secret", "alice")
    wrapped = references.wrap_key(aws_client, key_id, plain)
    assert plain not in base64.b64decode(wrapped.removeprefix("kms:"))
    found = resolve({"OPENBOURSE_MASTER_KEY": wrapped})
    settings = ProcessSettings(data_dir=tmp_path, master_key=found["OPENBOURSE_MASTER_KEY"])
    assert Stores(settings).master_key().open(sealed, "alice") == b"api secret"
    fresh = resolve({"OPENBOURSE_MASTER_KEY": references.wrap_new_key(aws_client, key_id)})
    assert len(bytes.fromhex(fresh["OPENBOURSE_MASTER_KEY"])) == 32
    with pytest.raises(kms.exceptions.ClientError):
        kms.decrypt(CiphertextBlob=base64.b64decode(wrapped.removeprefix("kms:")), EncryptionContext={"other": "thing"})
