"""What every call passes through, whatever carries it: shedding, weight, proof of the caller, names of parameters."""

from typing import Final

import msgspec

from openbourse.edge import auth
from openbourse.edge.addresses import limited_as
from openbourse.edge.errors import ApiError
from openbourse.edge.key_store import KeyStore
from openbourse.edge.operations import Call, Operation, Pool, Priority
from openbourse.edge.params import Params
from openbourse.edge.ratelimit import RateLimiter

IN_FLIGHT_MAX: Final = {Priority.NEW_ORDER: 1_000, Priority.QUERY: 1_500, Priority.CANCEL: 2_000}
"""Calls under way in this process beyond which a kind is shed, before its signature is checked."""
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

    def enter(self, operation: Operation, address: str) -> None:
        """Count a call as under way, to be ended by `leave`. Raises ApiError -1003, -1008; then it is not counted."""
        self.limiter.admit(address)
        if self.in_flight >= IN_FLIGHT_MAX[operation.priority]:
            raise ApiError(
                -1008, "Server is currently overloaded with other requests. Please try again in a few minutes.", 503
            )
        self.in_flight += 1

    def leave(self) -> None:
        """End a call that was let in."""
        self.in_flight -= 1

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
        answer = await operation.handler(call)
        if operation.free_on_success or call.is_free:
            toll.used = self.limiter.refund(toll.name, toll.weight)
        return answer


def check_names(operation: Operation, params: Params) -> None:
    """Refuse parameters that the operation does not read (-1104)."""
    unknown = sum(1 for name in params if name not in operation.parameters and name not in auth.SIGNING)
    if unknown:
        raise ApiError(
            -1104,
            f"Not all sent parameters were read; read '{len(params) - unknown}' parameter(s) but was sent '{len(params)}'.",
        )
