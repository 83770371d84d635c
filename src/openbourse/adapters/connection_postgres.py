"""How every connection to PostgreSQL is opened: to the writable one of several hosts; a host that vanished is noticed in seconds."""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Awaitable, Iterator
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

T = TypeVar("T")

CONNECT_SECONDS_MAX: Final = 3.0
OTHER_HOSTS_S: Final = 0.4
"""How long the other hosts may take to say more once one has answered."""
SILENT_AFTER_S: Final = 1.0
"""A host that has said nothing for so long is not waited for once another one has answered."""
SILENT_S: Final = 5.0
"""For how long a host that was waited for in vain costs this process's other connections nothing: three of them, one after
another, are between a promotion and the next leader."""
READ_ONLY_AGAIN_S: Final = 0.1
HOSTS_MAX: Final = 8
KEEPALIVE_IDLE_S: Final = 2
KEEPALIVE_EVERY_S: Final = 1
KEEPALIVE_PROBES: Final = 3
USER_TIMEOUT_MS: Final = 2_000
"""How long what was sent may stay without the other machine's word. A standby that waits for a zone that is lost cannot
lead meanwhile: less than any database needs to fail over."""

# Losing any of these during a statement says nothing about whether it committed.
DRIVER_FAULTS: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    # Too many connections, no memory, no room on the disk: it passes, and a leader that ended for it would not be the last.
    asyncpg.InsufficientResourcesError,
    # The driver's word for a statement that meets the server's farewell.
    asyncpg.InternalClientError,
    # A host that was demoted under an open connection, and hosts of which none can be written to now.
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.TargetServerAttributeNotMatched,
)
LOST: Final = (OSError, *DRIVER_FAULTS)
"""What a database does that is killed, stopped, starting, demoted, frozen or out of reach."""

# So that the server lets go of what a vanished client held, a lock above all; without effect on unix sockets.
_SERVER_SETTINGS: Final = {
    "jit": "off",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "8000",
    # A process that is frozen keeps its connections; rows that it had locked would stay locked.
    "idle_in_transaction_session_timeout": "60s",
}


# The first eight digits of the name of the file that is being written, which follow a promotion at once.
_TIMELINE: Final = "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"
_Opened = tuple[str, asyncpg.Connection]
_silent_since: dict[str, float] = {}
"""When a host was last found silent. All connections of a process go over the same network, so they share what it taught."""


class DatabaseAway(ConnectionError):
    """The database cannot be reached now: whether a statement that was under way took effect is not known."""


def process_name() -> str:
    """Return what this process calls itself to the database: a successor ends its connections by that name."""
    return f"{socket.gethostname()}:{os.getpid()}"


def application_name(holder: str) -> str:
    """Return a holder's name in the database's list of sessions, within its length."""
    return f"openbourse {holder}"[:63]


def hosts_of(url: str) -> list[str]:
    """Return a URL for each host that a URL names, in its order: `postgresql://u@a:1,b:2/db`, or `?host=/a,/b`."""
    parts = urlsplit(url)
    user, at, hosts = parts.netloc.rpartition("@")
    if "," in hosts:
        found = [urlunsplit(parts._replace(netloc=f"{user}{at}{host}")) for host in hosts.split(",")]
    else:
        query = dict(parse_qsl(parts.query))
        names, ports = query.get("host", "").split(","), query.get("port", "").split(",")
        found = [url]
        if len(names) > 1:
            pairs = zip(names, ports if len(ports) > 1 else ports * len(names), strict=True)
            found = [_with_query(url, {**query, "host": name, "port": port}) for name, port in pairs]
    return found[:HOSTS_MAX]


def _with_query(url: str, query: dict[str, str]) -> str:
    kept = {name: value for name, value in query.items() if value}
    return urlunsplit(urlsplit(url)._replace(query=urlencode(kept, safe="/")))


async def connect(url: str, **server_settings: str) -> asyncpg.Connection:
    """Return a connection to the primary among the URL's hosts. Raises DatabaseAway.

    All are asked at once. A former primary that was frozen while another was promoted may still take itself for one: of
    several that can be written to, the one on the newest timeline is it.
    """
    hosts, began = hosts_of(url), time.monotonic()
    silent = set(hosts)
    opening = [asyncio.create_task(_open_while(silent, host, len(hosts) > 1, server_settings)) for host in hosts]
    try:
        waiting = await _first_good(opening)
        if waiting:
            _, waiting = await asyncio.wait(waiting, timeout=_patience_s(silent, began))
            if (now := time.monotonic()) - began >= OTHER_HOSTS_S:
                _silent_since.update(dict.fromkeys(silent, now))
        found = [task.result() for task in opening if task not in waiting and not task.cancelled() and _is_good(task)]
        best = max(found, key=lambda opened: opened[0], default=None)
    except BaseException:
        best = None
        raise
    finally:
        for task in opening:
            task.add_done_callback(lambda ended: _discard(ended, best))
            task.cancel()
    if best is None:
        raise DatabaseAway(f"no database to write to: {'; '.join(_said(task) for task in opening)}")
    return best[1]


async def connect_replica(url: str) -> asyncpg.Connection:
    """Return a connection that only reads, to a standby of the URL's hosts if one answers. Raises what the driver does."""
    connection = await asyncpg.connect(
        url,
        timeout=CONNECT_SECONDS_MAX,
        target_session_attrs="prefer-standby",
        server_settings={
            **_SERVER_SETTINGS,
            "application_name": application_name(process_name()),
            "default_transaction_read_only": "on",
        },
    )
    _watch_peer(connection)
    return connection


def _patience_s(silent: set[str], began: float) -> float:
    """Return how long to wait for hosts that have said nothing yet, when another one can be written to.

    To leave out the true primary would cost time, never what was acknowledged: a former one commits nothing without its standby.
    """
    now = time.monotonic()
    if now - began > SILENT_AFTER_S or all(now - _silent_since.get(host, -SILENT_S) < SILENT_S for host in silent):
        return 0.0
    return OTHER_HOSTS_S


async def _first_good(opening: "list[asyncio.Task[_Opened]]") -> "set[asyncio.Task[_Opened]]":
    """Wait until one is open, all have failed, or time is up; return those still under way."""
    waiting = set(opening)
    limit = time.monotonic() + CONNECT_SECONDS_MAX
    while waiting and time.monotonic() < limit:
        done, waiting = await asyncio.wait(
            waiting, timeout=limit - time.monotonic(), return_when=asyncio.FIRST_COMPLETED
        )
        if any(_is_good(task) for task in done):
            break
    return waiting


def _is_good(task: "asyncio.Task[_Opened]") -> bool:
    fault = task.exception()
    if fault is not None and not isinstance(fault, LOST):
        # A wrong password or a database that does not exist: no waiting helps, and nobody may take it for an outage.
        raise fault
    return fault is None


def _said(task: "asyncio.Task[_Opened]") -> str:
    if not task.done() or task.cancelled():
        return f"no answer in {CONNECT_SECONDS_MAX:g} s"
    return str(task.exception()) or type(task.exception()).__name__


def _discard(task: "asyncio.Task[_Opened]", kept: "_Opened | None") -> None:
    """Hang up on a host that answered and is not needed."""
    if not task.cancelled() and task.exception() is None and task.result() is not kept:
        task.result()[1].terminate()


async def _open_while(
    silent: set[str], url: str, is_one_of_several: bool, server_settings: dict[str, str]
) -> "_Opened":
    """Open a host; one that is only read from is asked again while another is silent: it may be promoted meanwhile."""
    while True:
        try:
            opened = await _open(url, is_one_of_several, server_settings)
            _silent_since.pop(url, None)
            return opened
        except asyncpg.TargetServerAttributeNotMatched:
            if silent <= {url}:
                raise
        finally:
            silent.discard(url)
        await asyncio.sleep(READ_ONLY_AGAIN_S)


async def _open(url: str, is_one_of_several: bool, server_settings: dict[str, str]) -> "_Opened":
    named = {"application_name": application_name(process_name())}
    connection = await asyncpg.connect(
        url,
        timeout=None,
        target_session_attrs="read-write",
        server_settings={**_SERVER_SETTINGS, **named, **server_settings},
    )
    try:
        _watch_peer(connection)
        return await connection.fetchval(_TIMELINE) if is_one_of_several else "", connection
    except BaseException:
        connection.terminate()
        raise


def _watch_peer(connection: asyncpg.Connection) -> None:
    """Have the system notice within seconds that the host is gone, be the connection idle or not."""
    inner: Any = connection
    found = inner._transport.get_extra_info("socket")
    if found is None or found.family == socket.AF_UNIX:
        return
    with contextlib.closing(socket.socket(fileno=os.dup(found.fileno()))) as same:
        same.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (
            ("TCP_KEEPIDLE", KEEPALIVE_IDLE_S),
            ("TCP_KEEPINTVL", KEEPALIVE_EVERY_S),
            ("TCP_KEEPCNT", KEEPALIVE_PROBES),
            ("TCP_USER_TIMEOUT", USER_TIMEOUT_MS),
        ):
            option = getattr(socket, name, None)  # not every system has all of them
            if option is not None:
                same.setsockopt(socket.IPPROTO_TCP, option, value)


def is_lost(connection: asyncpg.Connection) -> bool:
    """Tell whether a connection is closed, or leads to a server that can no longer be written to: what it shows may be outdated.

    It is asked before every statement: a connection that was hung up on while one was given up stays with its owner.
    """
    if connection.is_closed():
        return True
    said = connection.get_settings()
    return "on" in (getattr(said, "in_hot_standby", "off"), getattr(said, "default_transaction_read_only", "off"))


async def within(connection: asyncpg.Connection, seconds: float, work: Awaitable[T]) -> T:
    """Return what work on a connection returns; hang up when it takes too long. Raises what it raises, and TimeoutError.

    Nothing is cancelled at the server: cancelling a commit that waits for its standby would commit it on this host alone.
    """
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except BaseException:
        connection.terminate()
        task.add_done_callback(_see)
        raise
    if done:
        return task.result()
    connection.terminate()
    with contextlib.suppress(*LOST):
        return await task
    raise TimeoutError(f"no answer in {seconds:g} s")


def _see(task: "asyncio.Future[T]") -> None:
    """Take note of how abandoned work ended: by the hanging up."""
    if not task.cancelled():
        task.exception()


@contextlib.contextmanager
def telling_away() -> Iterator[None]:
    """Raise DatabaseAway for whatever the driver raises when the database is away."""
    try:
        yield
    except DatabaseAway:
        raise
    except LOST as fault:
        raise DatabaseAway(f"the database is away: {fault or type(fault).__name__}") from fault
