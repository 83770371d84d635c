"""`python -m infra.picture`: draw docs/aws/architecture.svg, zones, edge, fleets and stores, from the templates."""

from html import escape
from pathlib import Path
from typing import Final

from infra.check.assembly import Assembly
from infra.check.assertions import assembly_of
from infra.environments import PRODUCTION
from infra.plan import metered_paths, needs_of, public_paths
from infra.recorded import recorded
from openbourse.roles import FLEETS

FILE: Final = Path(__file__).parents[1] / "docs" / "aws" / "architecture.svg"
WIDTH: Final = 1_120
LEFT: Final = 190
ROW: Final = 62
EDGE, FLEET, STORE, PLAIN = "#dbeafe", "#dcfce7", "#fef3c7", "#f3f4f6"


class _Drawing:
    """Boxes and texts, one under the other."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def text(
        self, x: float, y: float, text: str, size: int = 13, weight: str = "normal", anchor: str = "start"
    ) -> None:
        self.parts.append(
            f'<text x="{x:g}" y="{y:g}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}">'
            f"{escape(text)}</text>"
        )

    def box(self, x: float, y: float, width: float, height: float, fill: str, lines: tuple[str, ...] = ()) -> None:
        self.parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" fill="{fill}" stroke="#374151"/>'
        )
        for number, line in enumerate(lines):
            self.text(x + width / 2, y + 21 + number * 16, line, 13 - 3 * number, "bold" if not number else "normal",
                      "middle")  # fmt: skip

    def down(self, x: float, y: float, to: float) -> None:
        self.parts.append(f'<path d="M{x:g} {y:g}V{to - 3:g}" stroke="#374151" marker-end="url(#tip)"/>')


def picture(assembly: Assembly) -> str:
    """Return the drawing."""
    environment = assembly.environment
    drawing = _Drawing()
    zones = environment.zones
    column = (WIDTH - LEFT - 20) / len(zones)
    drawing.text(20, 30, f"openbourse {environment.name}, {environment.region}", 18, "bold")
    half = (WIDTH - LEFT - 40) / 2
    public = " ".join(path for path, _ in public_paths())
    drawing.box(LEFT, 50, half, 54, EDGE, ("balancer behind WAF", public))
    drawing.box(LEFT + half + 20, 50, half, 54, EDGE,
                ("API Gateway behind WAF, VPC link, inner balancer", " ".join(path for path, _ in metered_paths())))  # fmt: skip
    drawing.text(20, 80, "edge", 14, "bold")
    top, stores = 140, len(FLEETS) * ROW + 160
    for number, zone in enumerate(zones):
        x = LEFT + number * column
        drawing.box(x, top - 14, column - 12, len(FLEETS) * ROW + 96, PLAIN)
        drawing.text(x + 10, top + 4, zone, 12)
    for number, fleet in enumerate(FLEETS):
        y = top + 14 + number * ROW
        size = environment.fleets[fleet.name]
        drawing.text(20, y + 20, f"{fleet.name} {size.least}–{size.most}", 14, "bold")
        drawing.text(20, y + 37, fleet.purchase.value, 10)
        needs = " · ".join(sorted(need.value for need in needs_of(fleet)))
        for place in range(len(zones)):
            drawing.box(LEFT + place * column + 10, y, column - 32, ROW - 14, FLEET,
                        (f"{size.types[0]}: {' '.join(fleet.roles)}", needs))  # fmt: skip
    for x in (LEFT + half / 2, LEFT + half * 1.5 + 20):
        drawing.down(x, 104, top - 14)
    drawing.text(20, stores + 22, "stores", 14, "bold")
    clusters, caches = len(assembly.of("RDS::DBCluster")), assembly.of("ElastiCache::ReplicationGroup")
    for place in range(len(zones)):
        word = "writer" if place == 0 else "reader"
        database = f"PostgreSQL {word if clusters else 'instance'}: {environment.database_class}"
        node = f"Valkey {environment.cache_class}" if caches and place < environment.cache_nodes else "no Valkey node"
        drawing.box(LEFT + place * column + 10, stores, column - 32, 46, STORE, (database, node))
    below = stores + 66
    buckets = [each.name.rstrip("0123456789ABCDEF").lower() or each.name for each in assembly.of("S3::Bucket")]
    drawing.text(20, below + 58, "of the Region", 14, "bold")
    drawing.box(LEFT, below + 30, half, 46, STORE, ("S3, KMS, Secrets Manager", ", ".join(buckets)))
    alarms = len(assembly.of("CloudWatch::Alarm"))
    drawing.box(LEFT + half + 20, below + 30, half, 46, EDGE,
                ("SNS → SQS (dead letters) → Lambda → SES", f"CloudWatch: {alarms} alarms, one page, one budget"))  # fmt: skip
    style = 'font-family="system-ui, sans-serif" fill="#111827"'
    tip = (
        '<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="6" refY="4" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#374151"/></marker></defs>'
    )
    height = below + 96
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="the exchange on AWS">{tip}<rect width="100%" height="100%" fill="#ffffff"/><g {style}>'
        + "\n".join(drawing.parts)
        + "</g></svg>\n"
    )


def main() -> None:
    """Write the drawing."""
    FILE.write_text(picture(assembly_of(PRODUCTION, recorded())))


if __name__ == "__main__":
    main()
