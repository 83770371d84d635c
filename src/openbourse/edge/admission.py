"""What every call passes through, whatever carries it: shedding, weight, proof of the caller, names of parameters."""

import asyncio
import math
import time
from typing import Final

import msgspec

from openbourse.distribution import Distribution
from openbourse.edge import auth
from openbourse.edge.addresses import limited_as
from openbourse.edge.errors import ApiError
from openbourse.edge.figures import Figures
from openbourse.edge.key_store import KeyStore
from openbourse.edge.operations import Call, Operation, Pool, Priority
from openbourse.edge.overload import Target, Window, watch
from openbourse.edge.pace import Busy, Pace
from openbourse.edge.params import Params
from openbourse.edge.ratelimit import RateLimiter
from openbourse.edge.room import Room

IN_FLIGHT_MAX: Final = {Priority.NEW_ORDER: 1_000, Priority.QUERY: 1_500, Priority.CANCEL: 2_000}
"""Calls of all kinds under way in this process beyond which a kind is shed, before its signature is checked."""
IN_FLIGHT_LEAST: Final = {Priority.NEW_ORDER: 16, Priority.QUERY: 64, Priority.CANCEL: 2_000}
"""How many of a kind may always be under way, however overloaded this process is. Cancels are never cut."""
NEW_ORDERS_FIRST: Final = 16
"""New orders that may be under way before more is earned: limits that nobody needed are no limits when a burst comes."""
NEW_ORDERS_IN_FLOOD: Final = 4
"""New orders that may be under way while most are refused: cancels go past, and every one under way stands before them somewhere."""
NEW_ORDERS_WAITING_MAX: Final = 128
"""New orders that may wait for their turn, while the room they wait in does not stand."""
ANSWER_TIMES: Final = 2.5
ANSWER_LEAST_S: Final = 0.015
ANSWER_MOST_S: Final = 0.25
"""When no new order of a tenth of a second was answered within so many times what it takes without a queue (never less than the
least, never more than the most), orders stand in a queue somewhere: fewer are let in."""
LAG_TARGET_S: Final = {Priority.NEW_ORDER: 0.015, Priority.QUERY: 0.045, Priority.CANCEL: math.inf}
"""When no turn of the event loop was less late, this process has too much to do: fewer are let in, new orders first."""
SAPI_PER_MINUTE: Final = {Pool.SAPI_ADDRESS: 12_000, Pool.SAPI_USER: 180_000}
HEADERS: Final = {
    Pool.API: ("x-mbx-used-weight", "x-mbx-used-weight-1m"),
    Pool.SAPI_ADDRESS: ("x-sapi-used-ip-weight-1m",),
    Pool.SAPI_USER: ("x-sapi-used-uid-weight-1m",),
}


class Toll(msgspec.Struct):
    """What one call has been charged so far."""

    pool: Pool
    name: str = ""
    weight: int = 0
    used: int = 0


class Admission:
    """Lets calls in; one for REST and the WebSocket API of a process together."""

    def __init__(self, keys: KeyStore, limiter: RateLimiter) -> None:
        self.keys = keys
        self.limiter = limiter
        self.in_flight = 0
        self.figures = Figures()
        self.windows = {
            kind: Window(IN_FLIGHT_MAX[kind], IN_FLIGHT_LEAST[kind], None, LAG_TARGET_S[kind])
            for kind in (Priority.CANCEL, Priority.QUERY)
        }
        orders = Priority.NEW_ORDER
        self.windows[orders] = Window(
            IN_FLIGHT_MAX[orders],
            IN_FLIGHT_LEAST[orders],
            Target(ANSWER_TIMES, ANSWER_LEAST_S, ANSWER_MOST_S),
            LAG_TARGET_S[orders],
            NEW_ORDERS_FIRST,
            NEW_ORDERS_IN_FLOOD,
        )
        self.room = Room(self.windows[orders], NEW_ORDERS_WAITING_MAX, overloaded, Pace(Busy().share))

    def values(self) -> dict[str, int | Distribution]:
        """Return what was counted of calls, by the names of monitor/slo.py."""
        return {**self.figures.values(), "shed": sum(window.refused for window in self.windows.values())}

    async def watch(self) -> None:
        """Fit what is let in to what this process can do, until cancelled."""
        await watch(self.windows.values(), self.room.sweep)

    def is_full(self, kind: Priority) -> bool:
        """Tell whether a call of a kind would be shed now."""
        is_full = self.room.is_full if kind is Priority.NEW_ORDER else self.windows[kind].is_full
        return is_full or self.in_flight >= IN_FLIGHT_MAX[kind]

    def sheds(self, kind: Priority) -> bool:
        """Tell whether a call is shed, and count it if it is: whoever sheds it looks no further at it."""
        if not self.is_full(kind):
            return False
        self.windows[kind].refused += 1
        return True

    def expect(self, calls: int) -> None:
        """Count calls that were taken in and not looked at yet, as what they may be: new orders."""
        self.windows[Priority.NEW_ORDER].starting += calls

    async def enter(self, operation: Operation, address: str, who: str) -> None:
        """Count a call as under way, to be ended by `leave`. Raises ApiError -1003, -1008; then it is not counted.

        New orders wait for their turn. A cancel waits only for what its own caller has sent before it.
        """
        self.limiter.admit(address)
        kind = operation.priority
        if self.sheds(kind):
            raise overloaded()
        self.in_flight += 1
        try:
            if kind is Priority.NEW_ORDER:
                await self.room.enter(who)
                return
            if kind is Priority.CANCEL:
                await self.room.behind(who)
        except BaseException:
            self.in_flight -= 1
            raise
        self.windows[kind].enter()

    def leave(self, operation: Operation) -> None:
        """End a call that was let in."""
        self.in_flight -= 1
        if operation.priority is Priority.NEW_ORDER:
            self.room.leave()
        else:
            self.windows[operation.priority].leave()

    def charge(self, operation: Operation, params: Params, address: str, toll: Toll) -> None:
        """Charge a call to its address; pools by user are charged in `perform`. Raises ApiError -1003."""
        toll.weight = operation.weight(params) if callable(operation.weight) else operation.weight
        if operation.pool is Pool.SAPI_USER:
            return
        name = limited_as(address)
        toll.name = name if operation.pool is Pool.API else f"sapi:{name}"
        toll.used = self.limiter.used(toll.name) + toll.weight
        toll.used = self.limiter.charge(toll.name, toll.weight, SAPI_PER_MINUTE.get(operation.pool), address)

    async def perform(self, operation: Operation, call: Call, toll: Toll) -> object:
        """Run a proven call and return its answer. Raises ApiError, IntakeFault."""
        if operation.pool is Pool.SAPI_USER:
            toll.name = f"sapi-user:{call.account}"
            toll.used = self.limiter.charge(toll.name, toll.weight, SAPI_PER_MINUTE[operation.pool], call.address)
        check_names(operation, call.params)
        began, is_fault = time.monotonic(), True
        try:
            answer = await operation.handler(call)
            is_fault = False
        except asyncio.CancelledError:
            is_fault = False  # the caller has left
            raise
        except ApiError as refusal:
            is_fault = refusal.status >= 500
            raise
        finally:
            self.figures.note(operation.priority, time.monotonic() - began, is_fault)
            if call.order_counts is not None:
                # The sequencer has answered, whatever it said: what was refused on the way tells nothing of the way's length.
                self.windows[operation.priority].note(time.monotonic() - began)
        if operation.free_on_success or call.is_free:
            toll.used = self.limiter.refund(toll.name, toll.weight)
        return answer


def overloaded() -> ApiError:
    """Return the refusal of what is shed: it did not and will not happen."""
    return ApiError(
        -1008, "Server is currently overloaded with other requests. Please try again in a few minutes.", 503
    )


def check_names(operation: Operation, params: Params) -> None:
    """Refuse parameters that the operation does not read (-1104)."""
    unknown = sum(1 for name in params if name not in operation.parameters and name not in auth.SIGNING)
    if unknown:
        raise ApiError(
            -1104,
            f"Not all sent parameters were read; read '{len(params) - unknown}' parameter(s) but was sent '{len(params)}'.",
        )
