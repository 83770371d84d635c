"""Settings: read once from OPENBOURSE_* at start, then handed down as frozen values.

`VenueSettings` must agree on all replicas of a venue; `ProcessSettings` may differ from process to process.
"""

import contextlib
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from openbourse.protocol.amounts import AMOUNT_MAX, AmountError, format_units, parse_units

PREFIX = "OPENBOURSE_"
TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off", ""})

REGION_TURNS = ("first", "second")
WITHDRAW_ALONE = (("BTC", 50_000_000), ("ETH", 1_500_000_000), ("BNB", 5_000_000_000), ("USDT", 5_000_000_000_000))
NOTIFY_TOPICS = ("fill", "cancel", "expiry", "deposit", "withdrawal")


class SettingsError(ValueError):
    """A setting that cannot be understood; the text names the variable and what it accepts."""


@dataclass(frozen=True, slots=True)
class VenueSettings:
    """What all replicas of one venue must agree on."""

    shard: int = 0
    test_funds: bool = False
    request_weight_per_minute: int = 6_000
    orders_per_10s: int = 100
    orders_per_day: int = 200_000
    reopen_after_s: int = 0  # an outage of so many seconds makes instruments come back in steps; 0: never
    reopen_cancel_only_s: int = 30
    reopen_auction_s: int = 60
    # What one operator's approval lets out: to an account at once and in a day, of other coins nothing; by one operator in a day
    # to all accounts, of other coins as much as to one.
    withdraw_alone_max: tuple[tuple[str, int], ...] = WITHDRAW_ALONE
    withdraw_alone_day_max: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class ProcessSettings:
    """What one process needs to know; values with secrets in them stay out of `repr`."""

    data_dir: Path
    journal_url: str = field(default="", repr=False)
    database_url: str = field(default="", repr=False)
    reader_url: str = field(default="", repr=False)  # of a replica that may be behind, for heavy reads; empty: none
    valkey_url: str = field(default="", repr=False)
    host: str = "127.0.0.1"
    port: int = 8000
    listen_fd: int | None = None
    intake_host: str = "127.0.0.1"
    intake_port: int = 0  # 0: choose a free port and write it into the lease row
    master_key_file: Path | None = None
    metrics_token: str | None = field(default=None, repr=False)
    trusted_proxies: tuple[str, ...] = ()
    body_bytes_max: int = 65_536
    connections_max: int = 8_000
    connections_per_address_max: int = 2_000
    web_dir: Path | None = None
    master_key: str = field(default="", repr=False)  # 64 hexadecimal characters; goes before the file
    archive_url: str = ""  # file:///directory or s3://bucket/prefix; empty: below the data directory
    backups_url: str = ""
    reports_url: str = ""
    market_url: str = ""
    archive_segment_s: int = 300  # a segment is written when its oldest batch is so old
    region_name: str = ""  # of two Regions: the name that sequencers ask whether theirs trades; empty: there is one
    region_turn: str = ""  # first or second
    journal_days: int = 0  # what is archived is dropped from the journal's database after so many days; 0: never
    gateway_plan: str = ""  # id of the usage plan of API Gateway that users' keys are made in; empty: none are made
    notify_url: str = field(default="log:", repr=False)  # log:, smtp://…, sqs:URL or sns:ARN
    notify_from: str = ""
    notify_topics: tuple[str, ...] = NOTIFY_TOPICS
    emf_every_s: int = 0  # a line of metrics for CloudWatch on standard output every so many seconds; 0: none
    emf_namespace: str = "openbourse"
    ready_file: Path | None = None  # written by `announce_ready`, read by the supervisor
    health_port: int = 0  # where a process without a public port answers probes; 0: nowhere
    leave_s: int = 0  # an edge that was told to stop serves on for so long, while it says that it is not ready
    notify_socket: str = ""  # where a service manager listens; not ours to set, so it has no variable of ours
    venue: VenueSettings = VenueSettings()

    def environment(self) -> dict[str, str]:
        """Return the variables that make `read_settings` give these settings again."""
        values: dict[str, object] = {
            "DATA": self.data_dir,
            "JOURNAL_URL": self.journal_url,
            "DATABASE_URL": self.database_url,
            "READER_URL": self.reader_url,
            "VALKEY_URL": self.valkey_url,
            "HOST": self.host,
            "PORT": self.port,
            "LISTEN_FD": self.listen_fd,
            "INTAKE_HOST": self.intake_host,
            "INTAKE_PORT": self.intake_port,
            "MASTER_KEY_FILE": self.master_key_file,
            "METRICS_TOKEN": self.metrics_token,
            "TRUSTED_PROXIES": ",".join(self.trusted_proxies),
            "BODY_BYTES_MAX": self.body_bytes_max,
            "CONNECTIONS_MAX": self.connections_max,
            "CONNECTIONS_PER_ADDRESS_MAX": self.connections_per_address_max,
            "WEB_DIR": self.web_dir,
            "MASTER_KEY": self.master_key,
            "ARCHIVE_URL": self.archive_url,
            "BACKUPS_URL": self.backups_url,
            "REPORTS_URL": self.reports_url,
            "MARKET_URL": self.market_url,
            "ARCHIVE_SEGMENT_S": self.archive_segment_s,
            "REGION_NAME": self.region_name,
            "REGION_TURN": self.region_turn,
            "JOURNAL_DAYS": self.journal_days,
            "GATEWAY_PLAN": self.gateway_plan,
            "NOTIFY_URL": self.notify_url,
            "NOTIFY_FROM": self.notify_from,
            "NOTIFY_TOPICS": ",".join(self.notify_topics),
            "EMF_EVERY_S": self.emf_every_s,
            "EMF_NAMESPACE": self.emf_namespace,
            "READY_FILE": self.ready_file,
            "HEALTH_PORT": self.health_port,
            "LEAVE_S": self.leave_s,
            "SHARD": self.venue.shard,
            "TEST_FUNDS": int(self.venue.test_funds),
            "REQUEST_WEIGHT_PER_MINUTE": self.venue.request_weight_per_minute,
            "ORDERS_PER_10S": self.venue.orders_per_10s,
            "ORDERS_PER_DAY": self.venue.orders_per_day,
            "REOPEN_AFTER_S": self.venue.reopen_after_s,
            "REOPEN_CANCEL_ONLY_S": self.venue.reopen_cancel_only_s,
            "REOPEN_AUCTION_S": self.venue.reopen_auction_s,
            "WITHDRAW_ALONE_MAX": _amounts(self.venue.withdraw_alone_max),
            "WITHDRAW_ALONE_DAY_MAX": _amounts(self.venue.withdraw_alone_day_max),
        }
        return {PREFIX + name: str(value) for name, value in values.items() if value is not None and value != ""}

    def objects_url(self, bucket: str) -> str:
        """Return the place of the objects of a kind: archive, backups, reports or market."""
        named: str = getattr(self, f"{bucket}_url")
        return named or (self.data_dir.absolute() / "objects" / bucket).as_uri()


def default_data_dir() -> Path:
    """Return where `up` keeps its data when nothing else is said: `var/openbourse` in the current directory."""
    return Path("var/openbourse").absolute()


def read_settings(environment: Mapping[str, str] | None = None) -> ProcessSettings:
    """Read all settings; raise SettingsError, naming the variable, for one that cannot be understood."""
    environment = os.environ if environment is None else environment
    reader = _Reader(environment)
    return ProcessSettings(
        data_dir=reader.path("DATA") or default_data_dir(),
        journal_url=reader.text("JOURNAL_URL"),
        database_url=reader.text("DATABASE_URL"),
        reader_url=reader.text("READER_URL"),
        valkey_url=reader.text("VALKEY_URL"),
        host=reader.text("HOST") or "127.0.0.1",
        port=reader.number("PORT", 8000, 0, 65_535),
        listen_fd=reader.number("LISTEN_FD", -1, 0, 1_048_576) if reader.text("LISTEN_FD") else None,
        intake_host=reader.text("INTAKE_HOST") or "127.0.0.1",
        intake_port=reader.number("INTAKE_PORT", 0, 0, 65_535),
        master_key_file=reader.path("MASTER_KEY_FILE"),
        metrics_token=reader.text("METRICS_TOKEN") or None,
        trusted_proxies=reader.words("TRUSTED_PROXIES"),
        body_bytes_max=reader.number("BODY_BYTES_MAX", 65_536, 1_024, 16_777_216),
        connections_max=reader.number("CONNECTIONS_MAX", 8_000, 1, 1_000_000),
        connections_per_address_max=reader.number("CONNECTIONS_PER_ADDRESS_MAX", 2_000, 1, 1_000_000),
        web_dir=reader.path("WEB_DIR"),
        master_key=reader.text("MASTER_KEY"),
        archive_url=reader.text("ARCHIVE_URL"),
        backups_url=reader.text("BACKUPS_URL"),
        reports_url=reader.text("REPORTS_URL"),
        market_url=reader.text("MARKET_URL"),
        archive_segment_s=reader.number("ARCHIVE_SEGMENT_S", 300, 1, 86_400),
        region_name=reader.text("REGION_NAME"),
        region_turn=reader.choice("REGION_TURN", REGION_TURNS, bool(reader.text("REGION_NAME"))),
        journal_days=reader.number("JOURNAL_DAYS", 0, 0, 3_650),
        gateway_plan=reader.text("GATEWAY_PLAN"),
        notify_url=reader.text("NOTIFY_URL") or "log:",
        notify_from=reader.text("NOTIFY_FROM"),
        notify_topics=reader.words("NOTIFY_TOPICS") or NOTIFY_TOPICS,
        emf_every_s=reader.number("EMF_EVERY_S", 0, 0, 3_600),
        emf_namespace=reader.text("EMF_NAMESPACE") or "openbourse",
        ready_file=reader.path("READY_FILE"),
        health_port=reader.number("HEALTH_PORT", 0, 0, 65_535),
        leave_s=reader.number("LEAVE_S", 0, 0, 3_600),
        notify_socket=environment.get("NOTIFY_SOCKET", ""),
        venue=VenueSettings(
            shard=reader.number("SHARD", 0, 0, 65_535),
            test_funds=reader.flag("TEST_FUNDS"),
            request_weight_per_minute=reader.number("REQUEST_WEIGHT_PER_MINUTE", 6_000, 1, 1_000_000_000),
            orders_per_10s=reader.number("ORDERS_PER_10S", 100, 1, 1_000_000_000),
            orders_per_day=reader.number("ORDERS_PER_DAY", 200_000, 1, 1_000_000_000),
            reopen_after_s=reader.number("REOPEN_AFTER_S", 0, 0, 31_536_000),
            reopen_cancel_only_s=reader.number("REOPEN_CANCEL_ONLY_S", 30, 0, 86_400),
            reopen_auction_s=reader.number("REOPEN_AUCTION_S", 60, 0, 86_400),
            withdraw_alone_max=reader.amounts("WITHDRAW_ALONE_MAX", WITHDRAW_ALONE),
            withdraw_alone_day_max=reader.amounts("WITHDRAW_ALONE_DAY_MAX", ()),
        ),
    )


def announce_ready(settings: ProcessSettings) -> None:
    """Tell the supervisor or systemd, if there is one, that every role of this process serves now."""
    if settings.ready_file is not None:
        # The pid makes a file left by an earlier process of the same name worthless.
        settings.ready_file.write_text(f"{os.getpid()}\n")
    _notify(settings, "READY=1")


def announce_alive(settings: ProcessSettings) -> None:
    """Tell whoever looks after this process that it still has turns: a frozen one must not keep its clients."""
    if settings.ready_file is not None and settings.ready_file.exists():
        os.utime(settings.ready_file)
    _notify(settings, "WATCHDOG=1")


def announce_stopping(settings: ProcessSettings) -> None:
    """Tell systemd, if there is one, that this process was asked to stop and does so."""
    _notify(settings, "STOPPING=1")


def _notify(settings: ProcessSettings, state: str) -> None:
    """Send systemd one state (sd_notify), without waiting: a service manager that is busy must hold up nothing here."""
    if not settings.notify_socket:
        return
    address = (
        settings.notify_socket.replace("@", "\0", 1) if settings.notify_socket[0] == "@" else settings.notify_socket
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, contextlib.suppress(OSError):
        sender.sendto(state.encode(), socket.MSG_DONTWAIT, address)


def _amounts(amounts: tuple[tuple[str, int], ...]) -> str:
    return ",".join(f"{coin}={format_units(most)}" for coin, most in amounts)


class _Reader:
    """Typed look-ups in an environment, with errors that name the variable."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str) -> str:
        return self._environment.get(PREFIX + name, "").strip()

    def path(self, name: str) -> Path | None:
        text = self.text(name)
        return Path(text).expanduser().absolute() if text else None

    def words(self, name: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.text(name).split(",") if part.strip())

    def number(self, name: str, default: int, least: int, most: int) -> int:
        text = self.text(name)
        if not text:
            return default
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise SettingsError(f"{PREFIX}{name} must be a whole number from {least} to {most}, not {text!r}")
        return int(text)

    def amounts(self, name: str, default: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
        words = self.words(name)
        try:
            found = tuple(
                (coin, parse_units(amount, AMOUNT_MAX)) for coin, _, amount in (word.partition("=") for word in words)
            )
        except AmountError:
            found = ()
        if len(dict(found)) != len(words):
            raise SettingsError(
                f"{PREFIX}{name} must be amounts of coins, like BTC=0.5,ETH=15, not {self.text(name)!r}"
            )
        return found or default

    def choice(self, name: str, known: tuple[str, ...], is_needed: bool) -> str:
        text = self.text(name)
        if (text or is_needed) and text not in known:
            raise SettingsError(f"{PREFIX}{name} must be {' or '.join(known)}, not {text!r}")
        return text

    def flag(self, name: str) -> bool:
        text = self.text(name).lower()
        if text in TRUE_WORDS:
            return True
        if text in FALSE_WORDS:
            return False
        raise SettingsError(f"{PREFIX}{name} must be 1 or 0, not {text!r}")
