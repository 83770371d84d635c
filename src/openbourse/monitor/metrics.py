"""Metrics in Prometheus' text form, from plain integers that the parts keep and from what other roles leave."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

Counters = Mapping[str, int]
Source = Callable[[], Counters]
Left = Callable[[], Awaitable[Mapping[str, bytes]]]
"""Role to the JSON object of counters that it left."""
_NOT_A_NAME: Final = re.compile(r"[^a-zA-Z0-9_]")
ROLES_MAX: Final = 64
COUNTERS_MAX: Final = 200


class _Integers(Collector):
    def __init__(self, groups: Mapping[str, Counters]) -> None:
        self._groups = groups

    def collect(self) -> Iterable[Metric]:
        for group, counters in self._groups.items():
            for name, value in counters.items():
                family = GaugeMetricFamily(
                    f"openbourse_{_NOT_A_NAME.sub('_', group)}_{_NOT_A_NAME.sub('_', name)}", f"{name} of {group}"
                )
                family.add_metric([], float(value))
                yield family


class Metrics:
    """Gathers counters when asked; keeps none of its own."""

    def __init__(self, sources: Mapping[str, Source], left: Left) -> None:
        self._sources = dict(sources)
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
