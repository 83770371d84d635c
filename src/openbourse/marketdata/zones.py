"""Time zones as clients write them: `8`, `-3`, `05:45`."""

import re
from typing import Final

from openbourse.edge.errors import ApiError
from openbourse.edge.params import Params

MINUTE_US: Final = 60_000_000
WEST_MOST: Final = -12 * 60
EAST_MOST: Final = 14 * 60
# A blank is the plus of a query that its sender did not encode.
_ZONE: Final = re.compile(r"([ +-]?)([0-9]{1,2})(?::([0-5][0-9]))?", re.ASCII)


def east_of(params: Params) -> int:
    """Return how far east of UTC `timeZone` lies, in µs; 0 without one. -1130 for what is no time zone."""
    matched = _ZONE.fullmatch(params.get("timeZone", "0"))
    if matched is not None:
        minutes = int(matched[2]) * 60 + int(matched[3] or 0)
        minutes = -minutes if matched[1] == "-" else minutes
        if WEST_MOST <= minutes <= EAST_MOST:
            return minutes * MINUTE_US
    raise ApiError(-1130, "Data sent for parameter 'timeZone' is not valid.")
