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


BACKUP_DAYS: Final = 14
"""Of automated backups (backup_days of production; tests/infra holds it)."""
BACKUP_TIMES: Final = D(2)
"""How often what is written in a day lies in backups: as changed pages, and in the log that leads to any moment; assumed."""
ARCHIVE_BYTES: Final = D(198)
"""Of a command alone in its batch, in the archive's segments: 20,000 of bench/engine.py's mix, 881 bytes before packing."""
OTHER_OBJECTS_GB_AT_500: Final = D(50)
"""A month: snapshots, reports, market files, logs of connections and flows; assumed."""
MONTH_S: Final = 730 * 3_600
NEAR_MONTHS: Final = 3
"""After which objects go to a cheaper class (infra/storage.py: 90 days of the archive, less of others)."""


def backup_gb(commands: Decimal) -> Decimal:
    """Return what backups take beyond the disk's size, which is free: the first whole one is about as much as that."""
    written = commands * JOURNAL_BYTES * DAY_S / GB + history_gb_a_day(commands)
    return written * BACKUP_TIMES * BACKUP_DAYS


def objects_gb_a_month(commands: Decimal, growth: Decimal) -> Decimal:
    """Return by how much objects grow each month: nothing of the archive may be deleted, and the rest is kept a year."""
    return commands * ARCHIVE_BYTES * MONTH_S / GB + OTHER_OBJECTS_GB_AT_500 * growth


def history_gb_a_day(commands: Decimal) -> Decimal:
    """Return by how much people's orders and trades grow each day, at so many commands a second."""
    return commands * NEW_ORDER_SHARE * HISTORY_BYTES * DAY_S / GB


def storage_gb(commands: Decimal, journal_days: int = JOURNAL_DAYS, month: int = 1) -> Decimal:
    """Return what the disk holds at the end of a month: the journal that is kept, and all orders and trades so far."""
    journal = commands * JOURNAL_BYTES * DAY_S * journal_days * JOURNAL_SLACK / GB
    return journal + history_gb_a_day(commands) * HISTORY_DAYS * month
