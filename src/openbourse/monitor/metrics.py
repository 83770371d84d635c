"""Metrics in Prometheus' text form, from plain integers that the parts keep and from what other roles leave."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from openbourse.distribution import BOUNDS_US, Distribution

Counters = Mapping[str, int | Distribution]
Source = Callable[[], Counters]
Left = Callable[[], Awaitable[Mapping[str, bytes]]]
"""Role to the JSON object of counters that it left."""
_NOT_A_NAME: Final = re.compile(r"[^a-zA-Z0-9_]")
ROLES_MAX: Final = 64
US_PER_MS: Final = 1_000
COUNTERS_MAX: Final = 200


class _Integers(Collector):
    def __init__(self, groups: Mapping[str, Counters]) -> None:
        self._groups = groups

    def collect(self) -> Iterable[Metric]:
        for group, counters in self._groups.items():
            for name, value in counters.items():
                shown = f"openbourse_{_NOT_A_NAME.sub('_', group)}_{_NOT_A_NAME.sub('_', name)}"
                if isinstance(value, Distribution):
                    yield _histogram(shown, f"{name} of {group}", value)
                    continue
                family = GaugeMetricFamily(shown, f"{name} of {group}")
                family.add_metric([], float(value))
                yield family


def _histogram(name: str, text: str, value: Distribution) -> HistogramMetricFamily:
    """Return a distribution in milliseconds, as its name says."""
    buckets, seen = [], 0
    for bound, count in zip(BOUNDS_US[:-1], value.counts, strict=False):
        seen += count
        buckets.append((f"{bound / US_PER_MS:g}", float(seen)))
    family = HistogramMetricFamily(name, text)
    family.add_metric([], [*buckets, ("+Inf", float(value.total))], value.sum_us / US_PER_MS)
    return family


class Metrics:
    """Gathers counters when asked; keeps none of its own."""

    def __init__(self, sources: Mapping[str, Source], left: Left) -> None:
        self._sources = sources  # may still grow
        self._left = left
        self._process = CollectorRegistry()
        ProcessCollector(namespace="openbourse", registry=self._process)

    async def render(self) -> bytes:
        """Return all counters as text."""
        groups: dict[str, Counters] = {name: source() for name, source in self._sources.items()}
        for role, counters in list((await self._left()).items())[:ROLES_MAX]:
            groups.setdefault(role, _integers(counters))
        registry = CollectorRegistry()
        registry.register(_Integers(groups))
        return generate_latest(registry) + generate_latest(self._process)


def _integers(counters: bytes) -> Counters:
    """Return the integers of a JSON object; what is none is left out."""
    try:
        values = msgspec.json.decode(counters, type=dict[str, object])
    except msgspec.DecodeError:
        return {}
    return {name: int(value) for name, value in list(values.items())[:COUNTERS_MAX] if isinstance(value, int)}
