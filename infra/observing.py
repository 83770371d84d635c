"""Log groups: each with an age at which it forgets."""

from typing import Final

from aws_cdk import aws_logs as logs

_RETENTION: Final = {
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    90: logs.RetentionDays.THREE_MONTHS,
}


def retention(days: int) -> logs.RetentionDays:
    """Return the library's word for so many days."""
    return _RETENTION[days]
