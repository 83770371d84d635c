"""Settings are read once, strictly, and come back the same from their own environment."""

from pathlib import Path

import pytest

from openbourse.settings import ProcessSettings, SettingsError, VenueSettings, announce_ready, read_settings


def test_what_is_written_is_read_back() -> None:
    settings = ProcessSettings(
        data_dir=Path("/data"),
        journal_url="postgresql://a:b@/journal?host=/run",
        database_url="postgresql://a:b@/venue?host=/run",
        valkey_url="unix:///run/valkey.sock?db=0",
        host="0.0.0.0",
        port=8123,
        listen_fd=7,
        master_key_file=Path("/data/key"),
        metrics_token="token",
        trusted_proxies=("10.0.0.0/8", "192.0.2.1"),
        web_dir=Path("/web"),
        ready_file=Path("/data/ready"),
        venue=VenueSettings(shard=3, test_funds=True, orders_per_10s=7),
    )
    assert read_settings(settings.environment()) == settings


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = read_settings({})
    assert (settings.host, settings.port, settings.listen_fd) == ("127.0.0.1", 8000, None)
    assert settings.data_dir == Path("var/openbourse").absolute()
    assert settings.venue == VenueSettings()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "80a"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "１"),
        ("TEST_FUNDS", "maybe"),
        ("BODY_BYTES_MAX", "1"),
        ("LISTEN_FD", "x"),
    ],
)
def test_what_cannot_be_understood_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=f"OPENBOURSE_{name} must be"):
        read_settings({f"OPENBOURSE_{name}": text})


def test_secrets_are_not_shown() -> None:
    shown = repr(read_settings({"OPENBOURSE_JOURNAL_URL": "secret-a", "OPENBOURSE_METRICS_TOKEN": "secret-b"}))
    assert "secret" not in shown


def test_ready_is_announced_only_to_a_supervisor(tmp_path: Path) -> None:
    announce_ready(ProcessSettings(data_dir=tmp_path))
    assert not list(tmp_path.iterdir())
    announce_ready(ProcessSettings(data_dir=tmp_path, ready_file=tmp_path / "a.ready"))
    assert (tmp_path / "a.ready").read_text().strip().isdigit()
