"""How much there is to watch, counted from the table of metrics and the table of fleets: what CloudWatch is paid for."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from openbourse.cost.prices import HOURS
from openbourse.monitor.slo import METRICS, Kind, Metric
from openbourse.roles import FLEETS, Fleet

D = Decimal
ALARM_METRICS: Final = 57
"""What the alarms look at: an alarm on a share looks at two, and each is paid for."""
SECOND_ALARM_METRICS: Final = 44
"""The same in a second Region, where neither reports by the clock nor rotation are."""
PAGING_ALARMS: Final = 1
EMF_EVERY_S: Final = 10
"""How often each process writes its metrics as a line of log, which is paid for twice: as text, and by each name's series."""
EMF_FRAME_BYTES: Final = 130
EMF_PLAIN_BYTES: Final = 42
"""Of a counter or a gauge in a line, beside its name, which stands there twice."""
EMF_TIMES_BYTES: Final = 200
"""Of a distribution: a dozen of its 61 steps are met in ten seconds."""
HOST_METRICS: Final = 4
"""Of each fleet, by the image's agent: memory, swap, and the disk by its path and by its group."""
DETAILED_METRICS: Final = 7
"""Of each instance whose monitoring is detailed, as all are: scaling looks at minutes."""
TEXT_GB_AT_500: Final = D(40)
"""Of plain lines: processes, database, firewall, API, functions; assumed, none of it was measured on AWS."""
FLOW_GB_AT_500: Final = D(40)


TRACES_FREE_M: Final = D("0.1")
TRACED_SHARE: Final = D("0.05")
"""X-Ray's own rule where nobody makes another: of each second the first call, and of the others so many."""


def traced_millions(per_second: Decimal) -> Decimal:
    """Return how many traces a month so many calls a second leave."""
    traced = min(per_second, 1 + max(D(0), per_second - 1) * TRACED_SHARE)
    return traced * HOURS * 3_600 / 1_000_000


def told_by(fleet: Fleet) -> list[Metric]:
    """Return the metrics that processes of a fleet tell."""
    return [metric for metric in METRICS if set(metric.roles) & set(fleet.roles)]


def custom_metrics() -> int:
    """Return how many series are paid for: each name for the venue and by the roles of each fleet, and the hosts' own."""
    return len(METRICS) + sum(len(told_by(fleet)) + HOST_METRICS for fleet in FLEETS)


def emf_bytes(fleet: Fleet) -> int:
    """Return how long a line of metrics of a process is."""
    times = {Kind.DISTRIBUTION: EMF_TIMES_BYTES}
    told = told_by(fleet)
    return EMF_FRAME_BYTES + sum(2 * len(each.name) + times.get(each.kind, EMF_PLAIN_BYTES) for each in told)


def emf_gigabytes(instances: Mapping[str, int]) -> Decimal:
    """Return what the processes of so many instances of each fleet write of their metrics in a month."""
    lines = D(HOURS * 3_600) / EMF_EVERY_S
    return lines * sum(D(instances[fleet.name] * emf_bytes(fleet)) for fleet in FLEETS) / D(1_000_000_000)
