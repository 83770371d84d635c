"""Every place for objects keeps the same promises: a directory, memory, S3 on both emulators."""

import asyncio
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from openbourse.adapters.objects import PlaceUnknown, open_objects
from openbourse.objects import (
    LISTED_MAX,
    ObjectDiffers,
    ObjectExists,
    ObjectHead,
    ObjectMissing,
    Objects,
    ObjectsAway,
    all_listed,
    checked_key,
    keep,
)
from tests.contracts.objects_memory import MemoryObjects
from tests.emulators import CREDENTIALS, client

Make = Callable[[str], Objects]


def bucket_of(url: str) -> str:
    name = f"openbourse-{secrets.token_hex(6)}"
    client("s3", url).create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": CREDENTIALS["AWS_REGION"]}
    )
    return name


@pytest.fixture(params=["memory", "directory", "moto", "ministack"])
def objects(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Objects:
    match request.param:
        case "memory":
            return MemoryObjects()
        case "directory":
            return open_objects((tmp_path / "objects").as_uri())
    url = request.getfixturevalue(f"{request.param}_url")
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    return open_objects(f"s3://{bucket_of(url)}/some/prefix", {**CREDENTIALS, "AWS_ENDPOINT_URL": url})


async def test_what_was_written_is_read_back(objects: Objects) -> None:
    body = secrets.token_bytes(100_000)
    await objects.create("a/b/c.bin", body)
    await objects.create("a/empty", b"")
    assert await objects.read("a/b/c.bin") == body
    assert await objects.read("a/empty") == b""


async def test_nothing_is_ever_replaced(objects: Objects) -> None:
    await objects.create("a/x", b"first")
    with pytest.raises(ObjectExists):
        await objects.create("a/x", b"second")
    assert await objects.read("a/x") == b"first"


async def test_of_many_who_write_one_key_one_wins(objects: Objects) -> None:
    bodies = [secrets.token_bytes(5_000) for _ in range(8)]
    results = await asyncio.gather(*(objects.create("a/x", body) for body in bodies), return_exceptions=True)
    winners = [body for body, result in zip(bodies, results, strict=True) if result is None]
    assert len(winners) == 1
    assert all(result is None or isinstance(result, ObjectExists) for result in results)
    assert await objects.read("a/x") == winners[0]


async def test_what_is_not_there_is_missing(objects: Objects) -> None:
    await objects.create("a/x", b"1")
    for key in ("a/y", "b", "a"):
        with pytest.raises(ObjectMissing):
            await objects.read(key)


async def test_a_folder_is_listed_by_key_and_page(objects: Objects) -> None:
    for key in ("a/3", "a/1", "a/2/x", "ab/1", "b/1"):
        await objects.create(key, key.encode())
    found = await objects.listed("a")
    assert found == [ObjectHead("a/1", 3), ObjectHead("a/2/x", 5), ObjectHead("a/3", 3)]
    assert await objects.listed("a", "a/1") == found[1:]
    assert await objects.listed("a", "a/3") == []
    assert await objects.listed("nothing") == []


async def test_keeping_the_same_twice_is_keeping_it_once(objects: Objects) -> None:
    await keep(objects, "a/x", b"1")
    await keep(objects, "a/x", b"1")
    with pytest.raises(ObjectDiffers):
        await keep(objects, "a/x", b"2")


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "../a", "a/../b", "a/.partial-1", "a b", "ä", "x" * 513])
async def test_keys_that_a_store_might_read_otherwise_are_refused(objects: Objects, key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        await objects.create(key, b"")
    with pytest.raises(ValueError, match="key"):
        checked_key(key)


async def test_more_than_a_page_is_listed_whole() -> None:
    objects = MemoryObjects()
    for number in range(LISTED_MAX * 2):
        await objects.create(f"a/{number:06}", b"")
    assert len(await all_listed(objects, "a")) == LISTED_MAX * 2


async def test_what_a_crash_left_half_written_is_not_listed(tmp_path: Path) -> None:
    objects = open_objects(tmp_path.as_uri())
    await objects.create("a/x", b"1")
    (tmp_path / "a" / ".partial-0011").write_bytes(b"half")
    assert await objects.listed("a") == [ObjectHead("a/x", 1)]


async def test_a_full_or_forbidden_directory_is_away(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file where a folder should be")
    with pytest.raises(ObjectsAway):
        await open_objects(tmp_path.as_uri()).create("a/x", b"1")


async def test_a_store_out_of_reach_is_away_and_says_no_secret() -> None:
    environment = {**CREDENTIALS, "AWS_SECRET_ACCESS_KEY": "hush-hush", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    objects = open_objects("s3://bucket", environment)
    with pytest.raises(ObjectsAway) as caught:
        await objects.listed("a")
    assert "hush" not in repr(caught.value)
    assert caught.value.__cause__ is None


async def test_a_bucket_that_is_not_there_is_away(aws: str) -> None:
    objects = open_objects("s3://no-such-bucket-at-all", {**CREDENTIALS, "AWS_ENDPOINT_URL": aws})
    with pytest.raises(ObjectsAway):
        await objects.create("a/x", b"1")


@pytest.mark.parametrize(
    "url",
    ["", "/tmp/x", "ftp://x/y", "s3://", "file://elsewhere/x", "s3://key:secret@bucket/x", "s3://bucket/x?key=secret"],
)
def test_a_url_that_names_no_place_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(PlaceUnknown) as caught:
        open_objects(url)
    assert "secret" not in str(caught.value)
