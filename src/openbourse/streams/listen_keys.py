"""Listen keys: the retired way to one's user stream, which older clients still take."""

from typing import Final, Protocol

from openbourse.edge.errors import ApiError
from openbourse.edge.operations import Call, Operation, Security

WEIGHT: Final = 2
PATH: Final = "/api/v3/userDataStream"


class KeyBook(Protocol):
    """Where listen keys are kept, for every process alike."""

    async def take(self, account: int) -> str:
        """Return an account's key, made or extended."""
        ...

    async def account(self, listen_key: str) -> int | None:
        """Return whose key it is, or None."""
        ...

    async def extend(self, account: int, listen_key: str) -> bool:
        """Let a key live on; False when it is not this account's."""
        ...

    async def drop(self, account: int, listen_key: str) -> bool:
        """Forget a key; False when it is not this account's."""
        ...


def operations(keys: KeyBook) -> list[Operation]:
    """Return the operations."""
    api = _Api(keys)
    named = frozenset({"listenKey"})
    key = Security.KEY
    return [
        Operation(rest=("POST", PATH), socket="userDataStream.start", handler=api.take, security=key, weight=WEIGHT),
        Operation(
            rest=("PUT", PATH),
            socket="userDataStream.ping",
            handler=api.extend,
            parameters=named,
            security=key,
            weight=WEIGHT,
        ),
        Operation(
            rest=("DELETE", PATH),
            socket="userDataStream.stop",
            handler=api.drop,
            parameters=named,
            security=key,
            weight=WEIGHT,
        ),
    ]


class _Api:
    def __init__(self, keys: KeyBook) -> None:
        self._keys = keys

    async def take(self, call: Call) -> object:
        return {"listenKey": await self._keys.take(call.account)}

    async def extend(self, call: Call) -> object:
        if not await self._keys.extend(call.account, call.params.text("listenKey")):
            raise _unknown()
        return {}

    async def drop(self, call: Call) -> object:
        if not await self._keys.drop(call.account, call.params.text("listenKey")):
            raise _unknown()
        return {}


def _unknown() -> ApiError:
    return ApiError(-1125, "This listenKey does not exist.")
