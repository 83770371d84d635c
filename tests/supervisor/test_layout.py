"""The data directory: private secrets, short socket paths, one user at a time."""

import os
import shutil
from pathlib import Path

import pytest

from openbourse.supervisor.layout import (
    Claim,
    DataDirectoryInUse,
    DataDirectoryUnusable,
    Layout,
    is_claimed,
    read_venue_file,
    write_private,
)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "venue")
    made.create()
    return made


def test_one_exchange_at_a_time_uses_the_directory(layout: Layout) -> None:
    assert not is_claimed(layout)
    claim = Claim(layout)
    assert is_claimed(layout)
    with pytest.raises(DataDirectoryInUse, match=rf"process {os.getpid()}.*--data DIR"):
        Claim(layout)
    claim.release()
    assert not is_claimed(layout)
    Claim(layout).release()


def test_a_directory_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for data in (tmp_path / "file", tmp_path / "file" / "data"):
        with pytest.raises(DataDirectoryUnusable, match=rf"{data} cannot be made: .*--data DIR") as refused:
            Layout(data).create()
        assert "\n" not in str(refused.value)


def test_secrets_are_made_once_and_for_the_owner_only(layout: Layout) -> None:
    first = layout.secret("master.key")
    assert len(bytes.fromhex(first)) == 32
    assert layout.secret("master.key") == first
    assert (layout.secrets_dir / "master.key").stat().st_mode & 0o777 == 0o600
    assert layout.secrets_dir.stat().st_mode & 0o777 == 0o700


def test_sockets_of_a_long_data_directory_lie_in_a_short_private_one(tmp_path: Path) -> None:
    layout = Layout(tmp_path / ("long" * 30))
    layout.create()
    short = layout.socket_dir()
    try:
        assert len(str(short)) < 60
        assert short.stat().st_mode & 0o777 == 0o700
        assert layout.socket_dir() == short
        short.chmod(0o777)
        with pytest.raises(PermissionError, match="remove it"):
            layout.socket_dir()
    finally:
        shutil.rmtree(short)


def test_the_venue_file_of_a_dead_exchange_is_not_believed(layout: Layout) -> None:
    write_private(layout.venue_file, '{"environment": {"OPENBOURSE_PORT": "8123"}}')
    assert read_venue_file(layout) is None
    claim = Claim(layout)
    assert read_venue_file(layout) == {"OPENBOURSE_PORT": "8123"}
    layout.venue_file.write_text("{")
    assert read_venue_file(layout) is None
    claim.release()
