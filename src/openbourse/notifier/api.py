"""What a person wants to be told of: the notifier's operations under /bourse/v1."""

from collections.abc import Collection
from typing import Final, Protocol

from openbourse.edge.auth import only_sessions
from openbourse.edge.errors import ApiError
from openbourse.edge.operations import Call, Operation, Security
from openbourse.protocol.notifications import CHOSEN, Topic

ALWAYS: Final = ("withdrawal", "security")
"""Who does not hear of a withdrawal, or of a new password, cannot object to it: nobody is asked, and a thief cannot silence it."""


class Wishes(Protocol):
    """What is needed of the rows."""

    async def silenced(self, accounts: Collection[int]) -> set[tuple[int, str]]: ...
    async def silence(self, account: int, topics: Collection[str]) -> None: ...


def operations(wishes: Wishes) -> list[Operation]:
    """Return the notifier's operations."""
    api = _Api(wishes)
    return [
        Operation(rest=("GET", "/bourse/v1/notifications"), handler=api.shown, security=Security.READ),
        Operation(
            rest=("PUT", "/bourse/v1/notifications"),
            handler=api.choose,
            parameters=frozenset({"topics"}),
            security=Security.READ,
        ),
    ]


class _Api:
    def __init__(self, wishes: Wishes) -> None:
        self._wishes = wishes

    async def shown(self, call: Call) -> object:
        silenced = {topic for _, topic in await self._wishes.silenced([call.account])}
        return {"topics": [topic for topic in CHOSEN if topic not in silenced], "always": list(ALWAYS)}

    async def choose(self, call: Call) -> object:
        only_sessions(call)
        if "topics" not in call.params:
            call.params.text("topics")  # says that it is missing
        wanted = _parse(call.params["topics"])
        await self._wishes.silence(call.account, [topic for topic in CHOSEN if topic not in wanted])
        return await self.shown(call)


def _parse(text: str) -> set[Topic]:
    """Return the topics of a comma list; an empty one is none. Raises ApiError."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    wrong = [word for word in words if word not in set(CHOSEN)]
    if wrong:
        raise ApiError(
            -1130, f"topics may name {', '.join(CHOSEN)}; withdrawals and the account's safety are always told."
        )
    return {Topic(word) for word in words}
