"""CloudWatch's embedded metric format: one line of JSON an interval, from which CloudWatch makes metrics by itself."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from openbourse.distribution import BOUNDS_US, Distribution
from openbourse.monitor.slo import METRICS, ROLE, Kind, Metric

US_PER_MS: Final = 1_000
Value = int | Distribution
Groups = Mapping[str, Mapping[str, Value]]
_METRICS: Final = {(metric.group, metric.counter): metric for metric in METRICS}
_ENCODE: Final = msgspec.json.Encoder(order="deterministic").encode


class EmfLines:
    """Makes the lines of one process; remembers the counters of the last one, to tell by how much they grew."""

    def __init__(self, namespace: str, roles: Sequence[str]) -> None:
        self._namespace = namespace
        self._roles = "+".join(roles)
        self._last: dict[str, int] = {}
        self._last_counts: dict[str, list[int]] = {}

    def line(self, groups: Groups, now_ms: int) -> bytes:
        """Return the line for what the parts have counted so far; nothing where the table knows none of it.

        What the table does not know stays out: each name in CloudWatch is paid for by the month.
        """
        told: dict[str, object] = {}
        definitions: list[dict[str, str]] = []
        for group, counters in groups.items():
            for counter, value in counters.items():
                metric = _METRICS.get((group, counter))
                shown = None if metric is None else self._shown(metric, value)
                if metric is not None and shown is not None:
                    told[metric.name] = shown
                    definitions.append({"Name": metric.name, "Unit": metric.unit})
        if not definitions:
            return b""
        directive = {"Namespace": self._namespace, "Dimensions": [[], [ROLE]], "Metrics": definitions}
        document = {"_aws": {"Timestamp": now_ms, "CloudWatchMetrics": [directive]}, ROLE: self._roles, **told}
        return _ENCODE(document) + b"\n"

    def _shown(self, metric: Metric, value: Value) -> object:
        if isinstance(value, Distribution):
            return self._grown(metric.name, value)
        if metric.kind is Kind.COUNTER:
            last, self._last[metric.name] = self._last.get(metric.name, 0), value
            # A counter that fell began anew: with a new leadership, for one.
            return value - last if value >= last else value
        return value

    def _grown(self, name: str, distribution: Distribution) -> object:
        """Return the measurements since the last line; None without any: an empty array is no value."""
        last = self._last_counts.get(name, [0] * len(BOUNDS_US))
        grown = [now - then for now, then in zip(distribution.counts, last, strict=True)]
        self._last_counts[name] = list(distribution.counts)
        told = [(bound / US_PER_MS, count) for bound, count in zip(BOUNDS_US, grown, strict=True) if count > 0]
        if not told:
            return None
        return {"Values": [value for value, _ in told], "Counts": [count for _, count in told]}
