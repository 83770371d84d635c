"""What clients saw: every request with its planned time, when it left, what came back; kept as lines of JSON."""

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import msgspec

NOT_DONE: Final = frozenset({-1003, -1008, -1015, -1021})
"""Refusals that say: it did not happen and will not."""
UNKNOWN: Final = frozenset({-1000, -1001, -1006, -1007})
"""Refusals that say: whether it happened is not known."""


class Kind(StrEnum):
    """What a request asked for."""

    PLACE = "place"
    CANCEL = "cancel"
    QUERY = "query"
    SETTLE = "settle"
    """A question that settles a request in doubt."""


class Outcome(StrEnum):
    """What a client knows after a request."""

    DONE = "done"
    REFUSED = "refused"
    """By the engine or a filter: an answer like another, and nothing happened."""
    SHED = "shed"
    """By a venue that cannot take it now: a failed request, and nothing happened."""
    UNSENT = "unsent"
    """No edge was reached: a failed request, and nothing happened."""
    DOUBT = "doubt"


class Request(msgspec.Struct, kw_only=True):
    """One request of one client. Times are seconds of the machine's monotonic clock, the same in every process."""

    number: int
    account: int
    kind: Kind
    name: str
    """The client order id that it gives: to an order, or to a cancel."""
    target: str = ""
    """The client order id that it is about, if that is another one."""
    via: str
    """"rest" or "ws"."""
    edge: str = ""
    planned: float
    sent: float = 0.0
    answered: float = 0.0
    attempts: int = 0
    outcome: Outcome = Outcome.UNSENT
    code: int = 0
    why: str = ""
    body: dict[str, Any] = {}

    @property
    def is_failed(self) -> bool:
        """Tell whether the client got no answer to what it asked."""
        return self.outcome in (Outcome.SHED, Outcome.UNSENT, Outcome.DOUBT)


def judge(status: int, body: dict[str, Any]) -> tuple[Outcome, int]:
    """Return what an answer means to a client, and its code."""
    if status == 200:
        return Outcome.DONE, 0
    code = body.get("code", -1000)
    if not isinstance(code, int) or code in UNKNOWN:
        return Outcome.DOUBT, code if isinstance(code, int) else -1000
    return (Outcome.SHED if code in NOT_DONE else Outcome.REFUSED), code


_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(Request)


def encode(request: Request) -> bytes:
    """Return a request as a line."""
    return _ENCODER.encode(request) + b"\n"


def read(path: Path) -> list[Request]:
    """Return the requests of a file."""
    with path.open("rb") as lines:
        return [_DECODER.decode(line) for line in lines]


def settled(requests: Iterable[Request]) -> dict[int, Request]:
    """Return the settling questions that were answered, by the number of the request that was in doubt."""
    return {
        int(request.target): request
        for request in requests
        if request.kind == Kind.SETTLE and request.outcome in (Outcome.DONE, Outcome.REFUSED)
    }
