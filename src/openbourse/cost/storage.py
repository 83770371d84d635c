"""What the database's disk holds: the journal for so many days, and people's orders and trades for ever."""

from decimal import Decimal
from typing import Final

D = Decimal
DAY_S: Final = 86_400
GB: Final = D(1_000_000_000)

JOURNAL_DAYS: Final = 3
"""For how long archived batches stay in the database (OPENBOURSE_JOURNAL_DAYS of the environments; tests/infra holds it)."""
JOURNAL_BYTES: Final = D(1_230)
"""Of a command that comes alone in its batch: 40,000 new orders, a quarter of them traded, in PostgreSQL 18."""
JOURNAL_SLACK: Final = D("1.25")
"""What was deleted and vacuum has not given back yet, snapshots, and the days that an outage of the archive may take."""
NEW_ORDER_SHARE: Final = D("0.5")
"""Of commands; the others cancel, and change a row that is there."""
HISTORY_BYTES: Final = D(720)
"""Of rows of a new order with its fills and trades, indexes included; measured with JOURNAL_BYTES. Nothing drops them."""
HISTORY_DAYS: Final = 30
"""For which there is room from the start: the bill is a month's, and the disk has to grow each month after it."""


def history_gb_a_day(commands: Decimal) -> Decimal:
    """Return by how much people's orders and trades grow each day, at so many commands a second."""
    return commands * NEW_ORDER_SHARE * HISTORY_BYTES * DAY_S / GB


def storage_gb(commands: Decimal, journal_days: int = JOURNAL_DAYS) -> Decimal:
    """Return what the disk holds: the journal that is kept, and a month of orders and trades."""
    journal = commands * JOURNAL_BYTES * DAY_S * journal_days * JOURNAL_SLACK / GB
    return journal + history_gb_a_day(commands) * HISTORY_DAYS
