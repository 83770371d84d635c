"""Health: a process is ready when each of its probes says so now."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec

PROBE_S: Final = 2.0

Probe = Callable[[], Awaitable[str]]
"""Returns an empty text when all is well, else what is wrong. May raise: that is wrong too."""


class Verdict(msgspec.Struct, frozen=True):
    """What the probes said."""

    ready: bool
    probes: dict[str, str]
    """Name to "ok" or what is wrong."""
    warnings: list[str]
    """Findings that do not keep the process from serving."""


class Health:
    """Asks the probes, all at once and each within a bound."""

    def __init__(self, probes: Mapping[str, Probe], findings: Callable[[], list[str]]) -> None:
        self._probes = dict(probes)
        self._findings = findings

    async def check(self) -> Verdict:
        """Ask every probe now."""
        answers = await asyncio.gather(*(_ask(probe) for probe in self._probes.values()))
        probes = dict(zip(self._probes, (answer or "ok" for answer in answers), strict=True))
        return Verdict(not any(answers), probes, self._findings())


async def _ask(probe: Probe) -> str:
    try:
        async with asyncio.timeout(PROBE_S):
            return await probe()
    except TimeoutError:
        return f"no answer in {PROBE_S:g} s"
    except Exception as fault:
        # Whatever keeps a probe from answering is what an operator wants to read.
        return f"{type(fault).__name__}: {fault}"
