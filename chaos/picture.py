"""The latency curve as a picture: median and worst wait by quarter second, faults as marks, failed requests below."""

import math
from collections import defaultdict
from collections.abc import Sequence
from html import escape
from typing import Final

from chaos.history import Kind, Outcome, Request
from chaos.inject import Injected

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 1_600, 560, 70, 110, 90
BIN_S: Final = 0.25
LEAST_S, MOST_S = 0.001, 20.0
TICKS: Final = (0.001, 0.01, 0.1, 1.0, 10.0)


def draw(requests: Sequence[Request], injected: Sequence[Injected], began: float, title: str) -> str:
    """Return the picture as SVG."""
    asked = [request for request in requests if request.kind != Kind.SETTLE]
    length = max((request.planned for request in asked), default=began + 1) - began + 1
    plane = _Plane(length)
    waits: dict[int, list[float]] = defaultdict(list)
    failed: dict[int, int] = defaultdict(int)
    for request in asked:
        number = int((request.planned - began) / BIN_S)
        if request.outcome in (Outcome.DONE, Outcome.REFUSED):
            waits[number].append(request.answered - request.planned)
        else:
            failed[number] += 1
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="11"><rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
        f'<text x="{LEFT}" y="20" font-size="15">{escape(title)}</text>'
        f'<text x="{LEFT}" y="36" fill="#666">wait for an answer from its planned time, by {BIN_S} s: '
        "median (blue), worst (orange); below: failed requests (red)</text>"
    ]
    parts += [plane.fault(fault, began) for fault in injected]
    parts += [plane.line(tick) for tick in TICKS]
    worst = {number: max(its) for number, its in waits.items()}
    middle = {number: sorted(its)[len(its) // 2] for number, its in waits.items()}
    parts += [plane.curve(worst, "#e67e22"), plane.curve(middle, "#2060c0")]
    parts += [plane.failures(number, count) for number, count in failed.items()]
    parts.append("</svg>\n")
    return "\n".join(parts)


class _Plane:
    """Where a moment and a wait are drawn."""

    def __init__(self, length_s: float) -> None:
        self._length_s = length_s

    def x(self, at_s: float) -> float:
        return LEFT + (WIDTH - LEFT - 20) * at_s / self._length_s

    def y(self, wait_s: float) -> float:
        bounded = min(max(wait_s, LEAST_S), MOST_S)
        share = (math.log10(bounded) - math.log10(LEAST_S)) / (math.log10(MOST_S) - math.log10(LEAST_S))
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share

    def line(self, wait_s: float) -> str:
        y = self.y(wait_s)
        label = f"{wait_s:g} s" if wait_s >= 1 else f"{wait_s * 1_000:g} ms"
        return (
            f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
            f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="#666">{label}</text>'
        )

    def curve(self, waits: dict[int, float], color: str) -> str:
        points = " ".join(f"{self.x(n * BIN_S):.1f},{self.y(waits[n]):.1f}" for n in sorted(waits))
        return f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="1.2"/>'

    def failures(self, number: int, count: int) -> str:
        height = min(count, 60)
        x, y = self.x(number * BIN_S), HEIGHT - 15 - height
        return f'<rect x="{x:.1f}" y="{y}" width="2.5" height="{height}" fill="#c0392b"/>'

    def fault(self, fault: Injected, began: float) -> str:
        left, right = self.x(fault.began - began), self.x(max(fault.ended, fault.began + 0.1) - began)
        return (
            f'<rect x="{left:.1f}" y="{TOP}" width="{right - left:.1f}" height="{HEIGHT - TOP - BOTTOM}" '
            'fill="#f4d7d7" opacity="0.7"/>'
            f'<text x="{left:.1f}" y="{TOP - 4}" transform="rotate(-38 {left:.1f} {TOP - 4})" fill="#933">'
            f"{escape(str(fault.fault.kind))}</text>"
        )
