"""The wallet's own operations, under /bourse/v1: what a signed-in person does of withdrawals, and what Binance has no path for."""

from collections.abc import Awaitable, Callable
from typing import Final

from openbourse.edge.auth import only_sessions
from openbourse.edge.errors import ApiError
from openbourse.edge.listing import Listing
from openbourse.edge.operations import Call, Operation, Security
from openbourse.wallet.applying import PARAMETERS, apply
from openbourse.wallet.shapes import withdrawal_entry
from openbourse.wallet.withdrawals import Withdrawals

PATH: Final = "/bourse/v1/withdrawals"
WEIGHT: Final = 20


Prove = Callable[[int, str | None], Awaitable[None]]
"""Accepts a code of a user's second factor; asks none of who has none. Raises ApiError."""


def operations(listing: Listing, withdrawals: Withdrawals, prove: Prove) -> list[Operation]:
    """Return the operations."""
    api = _Api(listing, withdrawals, prove)
    return [
        Operation(
            rest=("POST", PATH),
            handler=api.apply,
            parameters=PARAMETERS | {"code"},
            confidential=frozenset({"code"}),
            security=Security.READ,
            weight=WEIGHT,
        ),
        Operation(rest=("GET", PATH), handler=api.recent, security=Security.READ, weight=WEIGHT),
        Operation(rest=("DELETE", PATH), handler=api.cancel, parameters=frozenset({"id"}), security=Security.READ),
    ]


class _Api:
    def __init__(self, listing: Listing, withdrawals: Withdrawals, prove: Prove) -> None:
        self._listing = listing
        self._withdrawals = withdrawals
        self._prove = prove

    async def apply(self, call: Call) -> object:
        """Ask as the person who is signed in, by a code where there is a second factor.

        Keys ask under Binance's path, by a permission that sessions have not: making one asked for a code.
        """
        only_sessions(call)
        caller = call.caller
        assert caller is not None
        code = call.params.optional("code")
        row = await apply(call, self._listing, self._withdrawals, lambda: self._prove(caller.user, code))
        call.status = 201
        return withdrawal_entry(row)

    async def recent(self, call: Call) -> object:
        """Tell the page: Binance's path weighs a tenth of what a minute allows, of one's bots as well."""
        only_sessions(call)
        return [withdrawal_entry(row) for row in await self._withdrawals.recent(call.account)]

    async def cancel(self, call: Call) -> object:
        assert call.caller is not None
        if not call.caller.session and "WITHDRAW" not in call.caller.permissions:
            raise ApiError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        return withdrawal_entry(await self._withdrawals.cancel(call.params.integer("id"), call.account))
