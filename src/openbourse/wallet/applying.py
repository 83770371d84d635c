"""Asking for a withdrawal: what a request must say before anything is written or held."""

import re
from collections.abc import Awaitable, Callable
from typing import Final

from openbourse.edge.errors import ApiError
from openbourse.edge.listing import Listing
from openbourse.edge.operations import Call
from openbourse.protocol.amounts import AMOUNT_MAX
from openbourse.wallet.addresses import ORDINARY, is_address
from openbourse.wallet.store import Withdrawal
from openbourse.wallet.withdrawals import Withdrawals

NETWORK: Final = "MANUAL"
ORDER_ID: Final = re.compile(r"[A-Za-z0-9_\-]{1,64}", re.ASCII)
Proof = Callable[[], Awaitable[None]]
"""What must be proven of who asks, beyond the signature. Raises ApiError."""
PARAMETERS: Final = frozenset({"coin", "address", "amount", "withdrawOrderId", "network", "addressTag"})


async def apply(call: Call, listing: Listing, withdrawals: Withdrawals, prove: Proof | None = None) -> Withdrawal:
    """Check a request and have what it asks for held. A proof is asked for last: a code is used up by it. Raises ApiError."""
    coin, address = call.params.text("coin"), call.params.text("address")
    asset = asset_of(listing, coin)
    amount = call.params.decimal("amount", AMOUNT_MAX)
    if amount is None or amount == 0:
        raise ApiError(-1102, "Mandatory parameter 'amount' was not sent, was empty/null, or malformed.")
    if not is_address(coin, address):
        raise ApiError(-4001, "The address is not valid.")
    if call.params.get("network", NETWORK) != NETWORK:
        raise ApiError(-4019, "The current account is not open for withdrawal on this network.")
    order_id = call.params.optional("withdrawOrderId")
    if order_id is not None and ORDER_ID.fullmatch(order_id) is None:
        raise ApiError(-1130, "Data sent for parameter 'withdrawOrderId' is not valid.")
    tag = call.params.get("addressTag", "")
    if tag and ORDINARY.fullmatch(tag) is None:
        raise ApiError(-4001, "The address tag is not valid.")
    if prove is not None:
        await prove()
    return await withdrawals.apply(call.account, asset, coin, amount, address, tag, NETWORK, order_id)


def asset_of(listing: Listing, coin: str) -> int:
    """Return a coin's asset. Raises ApiError -1130."""
    asset = listing.asset_ids.get(coin)
    if asset is None:
        raise ApiError(-1130, "Data sent for parameter 'coin' is not valid.")
    return asset
