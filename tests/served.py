"""A server in this process on a real socket, with real operations and a real engine behind it, for tests of the edges."""

import asyncio
import base64
import hashlib
import hmac
import json
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from websockets.asyncio.client import ClientConnection, connect

from openbourse import listings
from openbourse.edge.app import App, Asgi
from openbourse.edge.intake import Answer, IntakeFault
from openbourse.edge.key_store import ApiKey
from openbourse.edge.listing import Listing
from openbourse.edge.operations import Operation, OrderCounts
from openbourse.edge.ratelimit import RateLimiter
from openbourse.edge.server import Limits, serve
from openbourse.edge.sockets import Socket, SocketHandler, Sockets
from openbourse.engine import Engine
from openbourse.gateway import api, general
from openbourse.gateway.envelope import OrderAllowance
from openbourse.gateway.session import SocketApi
from openbourse.protocol.amounts import UNIT
from openbourse.protocol.commands import (
    Command,
    CreateAsset,
    CreditDeposit,
    ListInstrument,
    OpenAccount,
    SetInstrumentRules,
    SetRules,
)
from openbourse.protocol.events import decode
from tests.exchange import UNENCRYPTED

ALICE, BOB = 1_000, 1_001
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
HMAC_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
BOBS_KEY = "b" * 64
READ_KEY = "r" * 64
FENCED_KEY = "f" * 64
ED_KEY = "e" * 64
RSA_KEY = "s" * 64
EVERYTHING = frozenset({"READ", "TRADE", "WITHDRAW"})
ED_PRIVATE = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
RSA_PRIVATE = rsa.generate_private_key(65_537, 2_048)


def _pem(key: Any) -> bytes:
    public: bytes = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return public


class HeldKeys:
    """Keys in a dict."""

    def __init__(self) -> None:
        secret = SECRET.encode()
        self.by_name = {
            key.api_key: key
            for key in (
                ApiKey(HMAC_KEY, ALICE, ALICE, "HMAC", secret, EVERYTHING),
                ApiKey(BOBS_KEY, BOB, BOB, "HMAC", secret, EVERYTHING),
                ApiKey(READ_KEY, ALICE, ALICE, "HMAC", secret, frozenset({"READ"})),
                ApiKey(FENCED_KEY, ALICE, ALICE, "HMAC", secret, EVERYTHING, ("10.0.0.0/8",)),
                ApiKey(ED_KEY, ALICE, ALICE, "ED25519", _pem(ED_PRIVATE), EVERYTHING),
                ApiKey(RSA_KEY, ALICE, ALICE, "RSA", _pem(RSA_PRIVATE), EVERYTHING),
            )
        }

    async def find(self, api_key: str) -> ApiKey | None:
        return self.by_name.get(api_key)


class CountingIntake:
    """Answers as the sequencer would, from an engine without a journal; `fault` fails the next commands."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.submitted: list[tuple[Command, int]] = []
        self.fault: IntakeFault | None = None
        self.fault_for: type[Command] = Command
        self.delay_s = 0.0
        self.placed = 0

    async def submit(self, command: Command, not_after_us: int) -> Answer:
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if self.fault is not None and isinstance(command, self.fault_for):
            raise self.fault
        self.submitted.append((command, not_after_us))
        now = time.time_ns() // 1_000
        sequence = self.engine.sequence + 1
        events, _ = self.engine.apply(sequence, max(now, self.engine.time_us), command.encode())
        self.placed += 1
        return Answer(sequence, now, events, OrderCounts(self.placed, self.placed))

    async def committed(self) -> int:
        return self.engine.sequence


class EchoingStreams:
    """User streams that emit when told to."""

    def __init__(self) -> None:
        self.emits: list[Callable[[bytes], None]] = []
        self.ended: list[object] = []

    def subscribe(self, socket: Socket, account: int, emit: Callable[[bytes], None]) -> object:
        emit(b'{"e":"early"}')
        self.emits.append(emit)
        return len(self.emits) - 1

    def unsubscribe(self, handle: object) -> None:
        self.ended.append(handle)


class Venue:
    """What a test talks to."""

    def __init__(self, intake: CountingIntake, keys: HeldKeys, limiter: RateLimiter, streams: EchoingStreams) -> None:
        self.intake = intake
        self.keys = keys
        self.limiter = limiter
        self.streams = streams
        self.limits = Limits(1_000, 1_000)
        self.listing: Listing
        self.app: App
        self.sockets: Sockets
        self.http: httpx.AsyncClient
        self.port = 0
        self.stop = asyncio.Event()

    async def signed(
        self, method: str, path: str, params: Mapping[str, object] | None = None, key: str = HMAC_KEY, **more: object
    ) -> httpx.Response:
        query = signed_query({**(params or {}), **more})
        return await self.http.request(method, f"{path}?{query}", headers={"X-MBX-APIKEY": key})

    def connect(self, path: str = "/ws-api/v3") -> connect:
        return connect(f"ws://127.0.0.1:{self.port}{path}", max_size=None)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def sign(payload: str) -> str:
    return hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()


def signed_query(params: Mapping[str, object]) -> str:
    query = urlencode({"timestamp": now_ms(), **params})
    return f"{query}&signature={sign(query)}"


def signed_params(params: Mapping[str, object], api_key: str | None = HMAC_KEY) -> dict[str, object]:
    """Return the parameters of a signed request of the WebSocket API."""
    whole: dict[str, object] = {"timestamp": now_ms(), **params}
    if api_key is not None:
        whole["apiKey"] = api_key
    return {**whole, "signature": sign("&".join(f"{name}={whole[name]}" for name in sorted(whole)))}


def ed_signature(payload: str) -> str:
    return quote(base64.b64encode(ED_PRIVATE.sign(payload.encode())).decode(), safe="")


def rsa_signature(payload: str) -> str:
    signature = RSA_PRIVATE.sign(payload.encode(), padding.PKCS1v15(), hashes.SHA256())
    return quote(base64.b64encode(signature).decode(), safe="")


async def ask(
    connection: ClientConnection, method: str, params: Mapping[str, object] | None = None, number: Any = 1
) -> Any:
    """Send one request and return the next message."""
    await connection.send(json.dumps({"id": number, "method": method, "params": dict(params or {})}))
    return json.loads(await asyncio.wait_for(connection.recv(), 5))


def funded_engine() -> tuple[Engine, Listing]:
    """Return an engine with the venue's instruments, rules and two rich accounts, and what is listed."""
    engine, listing = Engine(), Listing()
    commands: list[Command] = [CreateAsset(asset, code) for code, asset in listings.ASSETS.items()]
    commands.append(SetRules(listings.RULES_VERSION))
    for image in listings.INSTRUMENTS:
        commands.append(ListInstrument(listings.offering_all(image)))
        commands.append(SetInstrumentRules(listings.first_rules(image.instrument)))
    for account in (ALICE, BOB):
        commands.append(OpenAccount(account))
        for asset in listings.ASSETS.values():
            commands.append(CreditDeposit(account, asset, 1_000_000 * UNIT, bytes([account % 250, asset] * 16)))
    events, _ = engine.apply(1, 1, b"".join(command.encode() for command in commands))
    listing.apply(decode(events))
    return engine, listing


@asynccontextmanager
async def served(
    per_minute: int = 6_000,
    operations: list[Operation] | None = None,
    handlers: dict[str, SocketHandler] | None = None,
    behind: Asgi | None = None,
    trusted_proxies: tuple[str, ...] = (),
    limits: Limits | None = None,
) -> AsyncIterator[Venue]:
    """Serve order entry, and what else is given, on a free port."""
    engine, listing = funded_engine()
    venue = Venue(CountingIntake(engine), HeldKeys(), RateLimiter(per_minute, None), EchoingStreams())
    venue.listing = listing
    offered = [
        *api.operations(venue.intake, listing),
        *general.operations(listing, per_minute, 100, 200_000),
        *(operations or []),
    ]
    venue.app = App(offered, venue.keys, venue.limiter, behind, 65_536, trusted_proxies)
    socket_api = SocketApi(offered, venue.app.admission, venue.streams, OrderAllowance(per_minute, 100, 200_000))
    venue.sockets = Sockets({"/ws-api/v3": socket_api, **(handlers or {})}, venue.limiter, venue.app.addresses)
    venue.limits = limits or venue.limits
    listener = socket.create_server(("127.0.0.1", 0), backlog=1_024)
    listener.setblocking(False)
    venue.port = listener.getsockname()[1]
    app = venue.app
    task = asyncio.create_task(serve(app, listener, venue.limits, venue.sockets, venue.stop, app.sheds, app.expects))
    try:
        url = f"http://127.0.0.1:{venue.port}"
        async with httpx.AsyncClient(base_url=url, timeout=10, verify=UNENCRYPTED) as venue.http:
            yield venue
    finally:
        venue.stop.set()
        await asyncio.wait_for(task, 10)
