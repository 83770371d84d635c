"""Figures of a run: how long until orders were acknowledged again, what failed, how long until all was whole."""

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from chaos.history import Kind, Outcome, Request
from chaos.inject import Injected


class Felt(msgspec.Struct):
    """What clients felt of one fault; seconds from its beginning."""

    number: int
    kind: str
    target: str
    seconds: float
    next_ack: float | None
    """Until the first order that was sent after it was acknowledged."""
    every_client: float | None
    """Until each client had an order acknowledged that was sent after it."""
    failover: float | None
    """Until a new primary database took over."""
    longest: float
    """The longest wait for an answer, from the planned time."""
    requests: int
    failed: int
    in_doubt: int
    whole_again: float | None
    """From its end until everything was there twice again, if the next fault waited for that."""


def felt(injected: Sequence[Injected], requests: Sequence[Request], end: float) -> list[Felt]:
    """Return what clients felt of each fault, until the next one began.

    A request that fails is charged to the fault in whose time it did: most that are under way when one begins were asked
    for in the time of the one before.
    """
    found = []
    ends = [*(fault.began for fault in injected[1:]), end]
    begins, charged = [fault.began for fault in injected], defaultdict[int, list[Request]](list)
    for request in requests:
        if request.kind != Kind.SETTLE and request.is_failed:
            charged[bisect_right(begins, max(request.planned, request.answered)) - 1].append(request)
    for place, (fault, until) in enumerate(zip(injected, ends, strict=True)):
        window = [request for request in requests if fault.began <= request.planned < until]
        asked = [request for request in window if request.kind != Kind.SETTLE]
        failed = charged[place]
        placed = [request for request in window if request.kind == Kind.PLACE and request.outcome == Outcome.DONE]
        first: dict[int, float] = {}
        for request in sorted(placed, key=lambda request: request.answered):
            first.setdefault(request.account, request.answered)
        accounts = {request.account for request in window}
        answered = [request.answered - request.planned for request in asked if request.outcome == Outcome.DONE]
        found.append(
            Felt(
                number=fault.fault.number,
                kind=str(fault.fault.kind),
                target=fault.target,
                seconds=round(fault.ended - fault.began, 3),
                next_ack=_rounded(min(first.values(), default=math.inf) - fault.began),
                every_client=_rounded(max(first.values()) - fault.began)
                if accounts <= first.keys() and first
                else None,
                failover=_rounded(fault.failed_over - fault.began) if fault.failed_over else None,
                longest=round(max(answered, default=0.0), 3),
                requests=len(asked),
                failed=len(failed),
                in_doubt=sum(request.outcome == Outcome.DOUBT for request in failed),
                whole_again=round(max(0.0, fault.restored - fault.ended), 3) if fault.restored else None,
            )
        )
    return found


class KindFigures(msgspec.Struct):
    """All faults of a kind together."""

    kind: str
    faults: int
    next_ack_median: float | None
    next_ack_p99: float | None
    every_client_p99: float | None
    beyond_failover_p99: float | None
    """Next acknowledged order, counted from the new primary database."""
    longest: float
    requests: int
    failed: int
    in_doubt: int
    whole_again_p99: float | None


def by_kind(faults: Iterable[Felt]) -> list[KindFigures]:
    """Return the figures of each kind, in the order of its name."""
    groups: dict[str, list[Felt]] = defaultdict(list)
    for fault in faults:
        groups[fault.kind].append(fault)
    return [_figures(kind, groups[kind]) for kind in sorted(groups)]


def _figures(kind: str, faults: list[Felt]) -> KindFigures:
    acks = [math.inf if fault.next_ack is None else fault.next_ack for fault in faults]
    clients = [math.inf if fault.every_client is None else fault.every_client for fault in faults]
    beyond = [ack - fault.failover for ack, fault in zip(acks, faults, strict=True) if fault.failover is not None]
    whole = [fault.whole_again for fault in faults if fault.whole_again is not None]
    return KindFigures(
        kind=kind,
        faults=len(faults),
        next_ack_median=_rounded(percentile(acks, 50)),
        next_ack_p99=_rounded(percentile(acks, 99)),
        every_client_p99=_rounded(percentile(clients, 99)),
        beyond_failover_p99=_rounded(percentile(beyond, 99)) if beyond else None,
        longest=max(fault.longest for fault in faults),
        requests=sum(fault.requests for fault in faults),
        failed=sum(fault.failed for fault in faults),
        in_doubt=sum(fault.in_doubt for fault in faults),
        whole_again_p99=percentile(whole, 99) if whole else None,
    )


def percentile(values: Sequence[float], p: float) -> float:
    """Return the value that p percent do not pass: one that was seen, the largest of few."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * p / 100) - 1)]


def _rounded(value: float) -> float | None:
    return round(value, 3) if math.isfinite(value) else None
