"""An operation: one thing a client can ask for, written once and served over REST and the WebSocket API alike."""

from collections.abc import Awaitable, Callable
from enum import Enum, IntEnum

import msgspec

from openbourse.edge.params import Params


class Security(Enum):
    """What a request must carry."""

    NONE = "nothing"
    KEY = "an API key, unsigned"
    READ = "a signed request of a key that may read"
    TRADE = "a signed request of a key that may trade"
    WITHDRAW = "a signed request of a key that may withdraw"


class Pool(Enum):
    """Which allowance an operation's weight is taken from."""

    API = "api"
    SAPI_ADDRESS = "sapi per address"
    SAPI_USER = "sapi per user"


class Priority(IntEnum):
    """What is shed first under overload: the highest number."""

    CANCEL = 0
    QUERY = 1
    NEW_ORDER = 2


class TimeUnit(IntEnum):
    """Microseconds in a unit of the times a client asked to see."""

    MICROSECOND = 1
    MILLISECOND = 1_000


class Caller(msgspec.Struct, frozen=True):
    """Who a request was proven to come from."""

    account: int
    user: int
    api_key: str
    permissions: frozenset[str]
    """Of READ, TRADE, WITHDRAW."""
    session: bool = False
    """True for the key of a signed-in page."""
    networks: tuple[str, ...] = ()
    """Networks that the key may be used from, as CIDR; empty: any."""
    created_us: int = 0
    """When the key was made."""


class OrderCounts(msgspec.Struct, frozen=True):
    """An account's new orders in the current windows, as the sequencer counts them."""

    ten_seconds: int
    day: int


class Call:
    """One request to one operation, authenticated and within its limits."""

    __slots__ = (
        "address",
        "agent",
        "caller",
        "cookies",
        "is_free",
        "not_after_us",
        "order_counts",
        "over_socket",
        "params",
        "received_us",
        "set_cookie",
        "status",
        "time_unit",
    )

    def __init__(
        self,
        params: Params,
        caller: Caller | None,
        received_us: int,
        time_unit: TimeUnit = TimeUnit.MILLISECOND,
        address: str = "",
        over_socket: bool = False,
        agent: bytes = b"",
        cookies: bytes = b"",
    ) -> None:
        self.params = params
        self.caller = caller
        self.received_us = received_us
        self.time_unit = time_unit
        self.address = address
        self.over_socket = over_socket
        self.agent = agent
        """What the client calls itself, over REST."""
        self.cookies = cookies
        """As they came, over REST."""
        self.set_cookie = ""
        """Set by a handler that has the client keep one: goes into a good answer's headers, over REST."""
        self.not_after_us = 0
        """Until when the sequencer may take a command for this call."""
        self.order_counts: OrderCounts | None = None
        """Set by a handler that placed an order: goes into the answer's headers or rateLimits."""
        self.is_free = False
        """Set by a handler whose answer costs no weight, where that depends on what happened."""
        self.status = 200
        """HTTP status of a good answer; a handler may set 201."""

    @property
    def account(self) -> int:
        """The caller's account; only for operations that ask for one."""
        assert self.caller is not None, "the operation's security names no caller"
        return self.caller.account

    def time(self, time_us: int) -> int:
        """Return a time in the unit that the client asked for."""
        return time_us // self.time_unit


Handler = Callable[[Call], Awaitable[object]]
"""Returns what is encoded as JSON by msgspec, or bytes that are JSON already. Raises ApiError."""


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a client can ask for."""

    rest: tuple[str, str] | None = None
    """Method and path: ("GET", "/api/v3/depth")."""
    socket: str | None = None
    """Method of the WebSocket API: "depth"."""
    handler: Handler
    parameters: frozenset[str] = frozenset()
    """Names the operation reads; any other name that is sent is an error (-1104). Signing parameters are not listed."""
    security: Security = Security.NONE
    weight: int | Callable[[Params], int] = 1
    free_on_success: bool = False
    """Since 2026-04-02 a successful order placement or cancel costs no weight."""
    pool: Pool = Pool.API
    priority: Priority = Priority.QUERY
    json_body: bool = False
    """Our own routes: the body is a JSON object whose members become parameters."""
    confidential: frozenset[str] = frozenset()
    """Names, of ours alone, that are refused in a query: whatever stands in front may write it down (-1130)."""
