"""The page and the picture of what a venue costs: made from the model, and held current by a test."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from openbourse.cost.model import (
    Bill,
    Commitment,
    Edge,
    Layout,
    Line,
    Workload,
    bill,
    dollars,
)
from openbourse.cost.nines import NINES
from openbourse.cost.prices import PRICES, REGIONS
from openbourse.cost.storage import (
    ARCHIVE_BYTES,
    BACKUP_DAYS,
    BACKUP_TIMES,
    HISTORY_BYTES,
    HISTORY_DAYS,
    JOURNAL_BYTES,
    JOURNAL_DAYS,
    NEAR_MONTHS,
    OTHER_OBJECTS_GB_AT_500,
    history_gb_a_day,
)

SCALES: Final = (500, 5_000, 50_000)
OURS: Final = (Layout.CLUSTER, Edge.SPLIT)
"""As production's stacks have it; tests/infra/test_pages.py holds it."""
MONTHS: Final = (1, 6, 12)
NAIVE: Final = (Layout.CLUSTER, Edge.REST_FOR_ALL)
COLOURS: Final = {
    "API Gateway": "#c0392b",
    "WAF": "#e08e45",
    "Load balancing": "#f2c14e",
    "Data out": "#7f8c8d",
    "EC2": "#2e86ab",
    "RDS": "#1b4965",
    "ElastiCache": "#62b6cb",
    "Network": "#95a5a6",
    "CloudWatch": "#8e6c8a",
    "S3": "#4f772d",
    "Messages": "#90a955",
    "Keys": "#bcb8b1",
}
WIDTH: Final = 860
BAR: Final = 26
LEFT: Final = 200
TOP: Final = 46


def regional(found: Bill, region: str) -> Bill:
    """Return a bill in another region's prices."""
    return found.times(REGIONS[region][0])


def ours(rps: int, commitment: Commitment = Commitment.NONE, region: str = "us-east-1") -> Bill:
    """Return the bill of the recommended way."""
    return regional(bill(Workload(rps), commitment, *OURS), region)


def naive(rps: int, commitment: Commitment = Commitment.NONE, region: str = "us-east-1") -> Bill:
    """Return the bill of the same venue with every request through API Gateway."""
    return regional(bill(Workload(rps), commitment, *NAIVE), region)


def markdown(commitment: Commitment = Commitment.ONE_YEAR) -> str:
    """Return the page."""
    return "\n".join(
        [
            "# What it costs",
            "",
            "Made by `openbourse cost --page docs/aws/cost.md` from `src/openbourse/cost`; a test holds it current. US East (N. Virginia), dollars a month,",
            f"instances committed for {commitment}. Requests a second are a mean over the month: a peak of 500 costs less. What is priced is what production's stacks make: three zones, a Multi-AZ cluster.",
            "",
            "![Dollars for a million requests](cost.svg)",
            "",
            *_services(commitment),
            "",
            "## Line by line at 500 requests a second",
            *_table(
                ("service", "what", "$/month"),
                [(line.service, _what(line), dollars(line.dollars)) for line in ours(500, commitment).lines],
            ),
            "",
            "Lines marked *optional* are in no sum. It is the first month's bill: see what grows.",
            "",
            "## What grows, at 500 requests a second",
            *_growing(commitment),
            "",
            f"Archive and snapshots lie at S3's own price for {NEAR_MONTHS} months, then in Glacier Instant Retrieval (counted so for all of them). An archived command takes {ARCHIVE_BYTES} bytes (measured);",
            f"{OTHER_OBJECTS_GB_AT_500} GB a month of other objects and backups of {BACKUP_TIMES} times what is written in {BACKUP_DAYS} days are assumed. Orders and trades lie on every disk of the cluster, and nothing drops them.",
            "",
            "## Ways in, at 500 requests a second",
            *_edges(),
            "",
            "## What each nine costs, at 500 requests a second",
            *_nines(commitment),
            "",
            "The shares are goals on paper below AWS's own promises; nothing here was measured on AWS. A second region is synthesised, not rehearsed.",
            "",
            "## What is assumed",
            "A c7g.large carries 600 requests a second (the whole venue answered 700 REST orders on two shared cores here; not measured on Graviton); a lost zone is spared for;",
            "half of the requests become commands; a sequencer carries 10,000 commands a second and a database of one *large* 500 (assumed; sharding is designed, not built: beyond one shard the",
            f"figures are for orientation); database storage is {JOURNAL_DAYS} days of the journal, what is older being dropped once archived, and a month of orders and trades. These are kept for ever: each",
            f"further month takes {history_gb_a_day(Workload(500).commands) * HISTORY_DAYS:,.0f} GB more of each disk at 500 requests a second (bytes measured on PostgreSQL 18: {JOURNAL_BYTES:,} of a command in the journal, {HISTORY_BYTES} of a new order's rows; half of the commands are new orders).",
            "",
            "## Prices",
            *_table(
                ("price", "$", "per", "source", "date", ""),
                [
                    (p.name, str(p.amount), p.unit, p.source, p.date, "" if p.is_verified else "**not verified**")
                    for p in PRICES
                ],
            ),
            "",
            "Other regions are this table times a factor for orientation: "
            + ", ".join(f"{name} {factor}" for name, (factor, is_fact) in REGIONS.items() if not is_fact)
            + " (not verified).",
            "",
        ]
    )


def _what(line: Line) -> str:
    return f"{line.what}{' (*optional*)' if line.is_optional else ''}"


def _services(commitment: Commitment) -> list[str]:
    columns = [(rps, ours(rps, commitment), naive(rps, commitment)) for rps in SCALES]
    services = list(dict.fromkeys(name for _, _, other in columns for name in other.by_service()))
    head = ("service", *(f"{rps:,}/s {kind}" for rps, _, _ in columns for kind in ("ours", "API Gateway for all")))
    zero = Decimal(0)
    rows = [
        (name, *(dollars(found.by_service().get(name, zero)) for _, mine, other in columns for found in (mine, other)))
        for name in services
    ]
    rows.append(
        ("**sum**", *(f"**{dollars(found.total())}**" for _, mine, other in columns for found in (mine, other)))
    )
    return _table(head, rows)


def _growing(commitment: Commitment) -> list[str]:
    """Return what a later month costs more than the first: lines whose storage only grows, and the sum."""
    bills = [bill(Workload(500), commitment, *OURS, month=month) for month in MONTHS]
    rows = []
    for number, line in enumerate(bills[0].lines):
        later = [found.lines[number] for found in bills]
        if later[-1].dollars != line.dollars:
            rows.append((line.service, later[-1].what, *(dollars(each.dollars) for each in later)))
    rows.append(("**sum of the bill**", "", *(f"**{dollars(found.total())}**" for found in bills)))
    return _table(("service", f"what, in month {MONTHS[-1]}", *(f"$ in month {month}" for month in MONTHS)), rows)


def _edges() -> list[str]:
    load = Workload(500)
    rows = []
    for edge in Edge:
        full = bill(load, Commitment.NONE, Layout.MULTI_AZ, edge)
        inward = sum(
            (
                line.dollars
                for line in full.lines
                if line.service in ("API Gateway", "WAF", "Load balancing") and not line.is_optional
            ),
            Decimal(0),
        )
        logged = sum((line.dollars for line in full.lines if line.what.startswith("access log")), Decimal(0))
        rows.append((edge.value, dollars(inward + logged)))
    return _table(("way", "$/month, without what goes out"), rows)


def _nines(commitment: Commitment) -> list[str]:
    rows, before = [], None
    for nine in NINES:
        total = bill(Workload(500), commitment, nine.layout, Edge.SPLIT).total()
        more = "" if before is None else dollars(total - before[0])
        hour = "" if before is None else dollars((total - before[0]) * 12 / (before[1] - nine.hours_away))
        rows.append(
            (
                nine.layout.value,
                f"{nine.share * 100:.2f} %",
                f"{nine.hours_away:.1f}",
                nine.survives,
                nine.away,
                nine.loses,
                dollars(total),
                more,
                hour,
            )
        )
        before = (total, nine.hours_away)
    head = (
        "layout",
        "goal",
        "hours away a year",
        "survives the loss of",
        "orders are back after",
        "loses",
        "$/month",
        "more",
        "$ per hour spared",
    )
    return _table(head, rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return lines + [f"| {' | '.join(row)} |" for row in rows]


def svg(commitment: Commitment = Commitment.ONE_YEAR) -> str:
    """Return the picture: what a million requests cost, by service, ours beside everything through API Gateway."""
    bars = [
        (f"{rps:,}/s, {kind}", found, Workload(rps).millions)
        for rps in SCALES
        for kind, found in (("ours", ours(rps, commitment)), ("API Gateway", naive(rps, commitment)))
    ]
    most = max(found.total() / millions for _, found, millions in bars)
    scale = Decimal(WIDTH - LEFT - 80) / most
    height = TOP + len(bars) * (BAR + 10) + 70
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="14" y="26" font-size="16" fill="#222222">Dollars for a million requests, committed {commitment}, US East</text>',
    ]
    for number, (label, found, millions) in enumerate(bars):
        y, x = TOP + number * (BAR + 10), Decimal(LEFT)
        parts.append(f'<text x="{LEFT - 10}" y="{y + 18}" text-anchor="end" fill="#222222">{label}</text>')
        for service, amount in found.by_service().items():
            width = amount / millions * scale
            title = f"<title>{service}: {dollars(amount)} a month</title>"
            parts.append(
                f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{COLOURS[service]}">{title}</rect>'
            )
            x += width
        parts.append(f'<text x="{x + 6:.1f}" y="{y + 18}" fill="#222222">{found.total() / millions:.2f}</text>')
    parts += _legend(TOP + len(bars) * (BAR + 10) + 14)
    return "\n".join([*parts, "</svg>", ""])


def _legend(y: int) -> list[str]:
    parts = []
    for number, (service, colour) in enumerate(COLOURS.items()):
        x, row = 14 + number % 6 * 140, y + number // 6 * 22
        parts.append(f'<rect x="{x}" y="{row}" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{x + 18}" y="{row + 11}" fill="#222222">{service}</text>')
    return parts
