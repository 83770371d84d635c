"""What each nine costs: four layouts, how long each may be away, and what the next one adds to the bill.

The shares are goals on paper, set below AWS's own promises (an instance 99.5 %, RDS Multi-AZ 99.95 %, a balancer 99.99 %,
read 2026-11-22); takeover times are measured here for what is ours and AWS's word for what is theirs.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from openbourse.cost.model import Layout

HOURS_OF_YEAR: Final = Decimal(8_766)


@dataclass(frozen=True, slots=True)
class Nine:
    """What a layout promises."""

    layout: Layout
    share: Decimal
    """Of time that orders are answered."""
    survives: str
    away: str
    """How long a lost zone, and the database in it, keeps orders away."""
    loses: str

    @property
    def hours_away(self) -> Decimal:
        """Hours of a year that it may be away."""
        return (1 - self.share) * HOURS_OF_YEAR


NINES: Final[tuple[Nine, ...]] = (
    Nine(
        Layout.ONE_ZONE,
        Decimal("0.995"),
        "a process",
        "until the zone is back",
        "nothing; a lost disk: the last minutes",
    ),
    Nine(Layout.MULTI_AZ, Decimal("0.999"), "a zone", "60 to 120 s (AWS), ours 3 s", "nothing"),
    Nine(Layout.CLUSTER, Decimal("0.9995"), "a zone", "under 35 s (AWS), ours 3 s", "nothing"),
    Nine(
        Layout.SECOND_REGION,
        Decimal("0.9999"),
        "a zone; a region, by hand",
        "60 to 120 s (AWS); a region: 30 to 60 min, a person decides",
        "the last seconds, if the region is gone",
    ),
)
