"""Identifiers, each a plain integer or text with a name."""

from typing import Final, NewType

AccountId = NewType("AccountId", int)
AssetId = NewType("AssetId", int)
InstrumentId = NewType("InstrumentId", int)
OrderId = NewType("OrderId", int)
OrderListId = NewType("OrderListId", int)
TradeId = NewType("TradeId", int)
ClientOrderId = NewType("ClientOrderId", str)
Sequence = NewType("Sequence", int)
"""A command's place in the one order, from 1."""
Epoch = NewType("Epoch", int)
"""A leader's term; only the newest may append."""

HOUSE_ACCOUNT: Final = AccountId(1)
"""Receives fees; trades nothing."""
FIRST_USER_ACCOUNT: Final = AccountId(1_000)
"""Ids below are the venue's own."""
CLIENT_ORDER_ID_LENGTH_MAX: Final = 36
