"""Settings are read once, strictly, and come back the same from their own environment."""

import socket
from pathlib import Path

import pytest

from openbourse.roles import Turn
from openbourse.settings import (
    REGION_TURNS,
    ProcessSettings,
    SettingsError,
    VenueSettings,
    announce_alive,
    announce_ready,
    announce_stopping,
    read_settings,
)


def test_what_is_written_is_read_back() -> None:
    settings = ProcessSettings(
        data_dir=Path("/data"),
        journal_url="postgresql://a:b@/journal?host=/run",
        database_url="postgresql://a:b@/venue?host=/run",
        reader_url="postgresql://a:b@/venue?host=/other",
        valkey_url="unix:///run/valkey.sock?db=0",
        host="0.0.0.0",
        port=8123,
        listen_fd=7,
        master_key_file=Path("/data/key"),
        metrics_token="token",
        trusted_proxies=("10.0.0.0/8", "192.0.2.1"),
        web_dir=Path("/web"),
        region_name="trades.example.com",
        region_turn="second",
        journal_days=3,
        gateway_plan="abc123",
        ready_file=Path("/data/ready"),
        leave_s=12,
        venue=VenueSettings(
            shard=3,
            test_funds=True,
            orders_per_10s=7,
            withdraw_alone_max=(("EUR", 1), ("BTC", 10**8)),
            withdraw_alone_day_max=(("BTC", 10**9),),
        ),
    )
    assert read_settings(settings.environment()) == settings


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = read_settings({})
    assert (settings.host, settings.port, settings.listen_fd) == ("127.0.0.1", 8000, None)
    assert settings.data_dir == Path("var/openbourse").absolute()
    assert settings.venue == VenueSettings()


def test_one_of_two_regions_says_which_it_is() -> None:
    assert tuple(Turn) == REGION_TURNS
    with pytest.raises(SettingsError, match="OPENBOURSE_REGION_TURN must be first or second"):
        read_settings({"OPENBOURSE_REGION_NAME": "trades.example.com"})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "80a"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "１"),
        ("TEST_FUNDS", "maybe"),
        ("BODY_BYTES_MAX", "1"),
        ("REGION_TURN", "third"),
        ("LISTEN_FD", "x"),
        ("WITHDRAW_ALONE_MAX", "BTC"),
        ("WITHDRAW_ALONE_MAX", "BTC=-1"),
        ("WITHDRAW_ALONE_MAX", "BTC=0.000000001"),
        ("WITHDRAW_ALONE_MAX", "BTC=1,BTC=2"),
        ("WITHDRAW_ALONE_DAY_MAX", "BTC=all"),
    ],
)
def test_what_cannot_be_understood_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=f"OPENBOURSE_{name} must be"):
        read_settings({f"OPENBOURSE_{name}": text})


def test_secrets_are_not_shown() -> None:
    shown = repr(
        read_settings(
            {
                "OPENBOURSE_JOURNAL_URL": "secret-a",
                "OPENBOURSE_READER_URL": "secret-c",
                "OPENBOURSE_METRICS_TOKEN": "secret-b",
            }
        )
    )
    assert "secret" not in shown


def test_ready_is_announced_only_to_a_supervisor(tmp_path: Path) -> None:
    announce_ready(ProcessSettings(data_dir=tmp_path))
    assert not list(tmp_path.iterdir())
    announce_ready(ProcessSettings(data_dir=tmp_path, ready_file=tmp_path / "a.ready"))
    assert (tmp_path / "a.ready").read_text().strip().isdigit()


@pytest.mark.parametrize("is_abstract", [False, True])
def test_systemd_is_told(tmp_path: Path, is_abstract: bool) -> None:
    name = f"@{tmp_path}/notify" if is_abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name.replace("@", "\0", 1))
        settings = read_settings({"NOTIFY_SOCKET": name})
        for announce in (announce_ready, announce_alive, announce_stopping):
            announce(settings)
        assert [manager.recv(64) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]


def test_a_service_manager_that_does_not_read_holds_up_nothing(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        settings = read_settings({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        for _ in range(2_000):
            announce_alive(settings)
    announce_alive(settings)
