"""A release is named in every Region or in none, and the Region that stands by has it first."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ec2.models import ec2_backends

from infra import closing, groups, region, release, restore, roll
from infra.environments import PRODUCTION, TWO_REGIONS
from infra.release import ReleaseFault, image_of, publish, regions, releases

FIRST, SECOND = TWO_REGIONS.region, regions(TWO_REGIONS)[0]
AMI = f"/openbourse/{TWO_REGIONS.name}/ami"


def clients(service: str, region: str) -> Any:
    return boto3.client(service, region_name=region)


@pytest.fixture
def baked(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        ec2 = clients("ec2", FIRST)
        image = ec2.register_image(Name="openbourse-1.2.3-1764000000", Architecture="arm64")["ImageId"]
        tags = [{"Key": "project", "Value": "openbourse"}, {"Key": "version", "Value": "1.2.3"}]
        ec2.create_tags(Resources=[image], Tags=tags)
        yield str(image)


def named(place: str) -> list[str]:
    found = clients("ssm", place).get_parameters(Names=[AMI])["Parameters"]
    return [each["Value"] for each in found]


def test_both_regions_start_the_release_each_from_its_own_image(baked: str) -> None:
    assert set(releases(clients, TWO_REGIONS).values()) == {"no image named"}
    images = publish(clients, TWO_REGIONS, "1.2.3", 0)
    assert images[FIRST] == baked != images[SECOND]
    assert (named(FIRST), named(SECOND)) == ([images[FIRST]], [images[SECOND]])
    assert releases(clients, TWO_REGIONS) == {SECOND: "1.2.3", FIRST: "1.2.3"}


def test_a_copy_that_is_there_is_not_made_again(baked: str) -> None:
    assert publish(clients, TWO_REGIONS, "1.2.3", 0) == publish(clients, TWO_REGIONS, "1.2.3", 0)


def test_a_copy_that_failed_once_is_made_again(baked: str) -> None:
    failed = publish(clients, TWO_REGIONS, "1.2.3", 0)[SECOND]
    ec2_backends[DEFAULT_ACCOUNT_ID][SECOND].amis[failed].state = "failed"
    assert publish(clients, TWO_REGIONS, "1.2.3", 0)[SECOND] != failed


def test_a_region_that_kept_the_former_release_is_told(baked: str) -> None:
    publish(clients, TWO_REGIONS, "1.2.3", 0)
    ec2 = clients("ec2", FIRST)
    newer = ec2.register_image(Name="openbourse-1.3.0-1764000001", Architecture="arm64")["ImageId"]
    ec2.create_tags(Resources=[newer], Tags=[{"Key": "version", "Value": "1.3.0"}])
    clients("ssm", FIRST).put_parameter(Name=AMI, Value=newer, Type="String", Overwrite=True)
    assert releases(clients, TWO_REGIONS) == {SECOND: "1.2.3", FIRST: "1.3.0"}


def test_an_image_that_is_nowhere_is_named_nowhere(baked: str) -> None:
    with pytest.raises(ReleaseFault, match="bake it first"):
        publish(clients, TWO_REGIONS, "9.9.9", 0)
    assert (named(FIRST), named(SECOND)) == ([], [])


def test_a_copy_that_fails_names_nothing(baked: str) -> None:
    class Failing:
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        def describe_images(self, **asked: Any) -> Any:
            told = self._inner.describe_images(**asked)
            return {"Images": [each | {"State": "failed"} for each in told["Images"]]}

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

    def some_fail(service: str, region: str) -> Any:
        inner = clients(service, region)
        return Failing(inner) if (service, region) == ("ec2", SECOND) else inner

    with pytest.raises(ReleaseFault, match="failed"):
        publish(some_fail, TWO_REGIONS, "1.2.3", 0)
    assert (named(FIRST), named(SECOND)) == ([], [])


def test_an_environment_of_one_region_copies_nothing(baked: str) -> None:
    assert publish(clients, PRODUCTION, "1.2.3", 0) == {FIRST: baked}
    assert image_of(clients, SECOND, "1.2.3") is None


NO_CREDENTIALS = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}


@pytest.mark.parametrize(
    ("main", "words"),
    [
        (release.main, ["1.2.3"]),
        (release.main, ["--check"]),
        (roll.main, ["1.2.3"]),
        (groups.main, ["stop"]),
        (restore.main, ["2026-11-26T08:00:00Z"]),
        (region.main, ["second"]),
        (closing.main, []),
    ],
)
def test_without_credentials_a_command_says_so(
    main: Callable[[], int], words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in NO_CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    # What another test of this process signed in with is kept there.
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    monkeypatch.setattr("sys.argv", ["command", *words, "--environment", "global"])
    assert main() == 1
    assert capsys.readouterr().err.splitlines()[0] == "Unable to locate credentials"


@pytest.mark.parametrize("words", [[], ["1.2.3", "--check"]])
def test_a_release_is_published_or_checked(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["command", *words, "--environment", "production"])
    with pytest.raises(SystemExit, match="2"):
        release.main()
