"""The model gives the sums that were worked out by hand, line by line, and the page and picture are current."""

import re
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from openbourse.cli.app import app
from openbourse.cost import page
from openbourse.cost.model import (
    Commitment,
    Edge,
    Layout,
    Line,
    Workload,
    bill,
    common_lines,
    compute_lines,
    data_lines,
    database_steps,
    edge_lines,
    egress_line,
    gateways,
    region_lines,
    shards,
)
from openbourse.cost.nines import NINES
from openbourse.cost.observing import traced_millions
from openbourse.cost.prices import PRICES, REGIONS, price
from openbourse.cost.second import WAF_RULES

DOCS = Path(__file__).parents[2] / "docs" / "aws"
LOAD = Workload(500)
runner = CliRunner()


def near(found: Decimal, wanted: int, off: int = 1) -> bool:
    return abs(found - wanted) <= off


@pytest.mark.parametrize(
    ("rps", "edge", "wanted"),
    [
        # Worked out with one list of four rules (5 + 4 = 9 $). The templates have six in each: 5 + 6 = 11, 2 more;
        # and with both ways two lists, 22, 13 more, and the inner balancer, 0.0225 × 730 = 16.43.
        (500, Edge.REST_FOR_ALL, 4_626 + 2),
        (500, Edge.REST_LOGGED, 4_954 + 2),
        (500, Edge.HTTP_FOR_ALL, 1_261),
        (500, Edge.BALANCER, 856 + 2),
        (500, Edge.SPLIT, 994 + 13 + 16),
        (150, Edge.REST_FOR_ALL, 1_608 + 2),
        (150, Edge.BALANCER, 282 + 2),
        (150, Edge.SPLIT, 324 + 13 + 16),
    ],
)
def test_ways_in_cost_what_was_worked_out(rps: int, edge: Edge, wanted: int) -> None:
    assert near(
        sum((line.dollars for line in edge_lines(Workload(rps), edge) if not line.is_optional), Decimal(0)), wanted
    )


def test_data_out_costs_what_was_worked_out() -> None:
    assert near(egress_line(LOAD).dollars, 168)


@pytest.mark.parametrize(
    ("beginning", "on_demand", "committed"),
    [
        ("gateways", 159, 105),
        ("streams", 135, 99),
        ("sequencers", 212, 140),
        ("workers", 58, 58),
        ("control", 53, 35),  # 2 × 0.03625 × 730 = 52.93; × 0.66
        ("disks", 32, 32),  # 10 × 30 and 2 × 50: 400 GB × 0.08
        ("NLB", 17, 17),
        # Worked out with 200 GB; three days of the journal and a month of rows take 333: 133 × 0.23 and × 0.115.
        ("Multi-AZ", 291 + 31, 235 + 31),
        ("read replica", 146 + 15, 118 + 15),
        ("proxy", 22, 22),
        ("Valkey", 185, 125),
        ("3 NAT", 125 - 11, 125 - 11),
        ("2,600 GB between", 52, 52),
    ],
)
def test_parts_of_the_platform_cost_what_was_worked_out(beginning: str, on_demand: int, committed: int) -> None:
    for commitment, wanted in ((Commitment.NONE, on_demand), (Commitment.ONE_YEAR, committed)):
        [line] = [line for line in platform(commitment) if line.what.startswith(beginning)]
        assert near(line.dollars, wanted), line


def platform(commitment: Commitment) -> list[Line]:
    layout = Layout.MULTI_AZ
    return [
        *compute_lines(LOAD, commitment, layout),
        *data_lines(LOAD, commitment, layout),
        *common_lines(LOAD, layout),
    ]


def test_the_platform_and_the_whole_cost_what_was_worked_out() -> None:
    # Since the first sums: control (53 or 35), disks 24 → 32, and 13 alarms' metrics and one of alarms more
    # (13 × 0.10 + 0.50 = 1.80), a key and a secret less (1 + 0.40); detailed monitoring, 12 × 7 × 0.30 = 25.20, and
    # 2 series and 6.3 GB of lines less, 5 alarms more (- 0.60 - 3.13 + 0.50); 133 GB of two disks, 46.
    # Three addresses less, which the edge counts (3 × 3.65 = 10.95); 962 GB of backups × 0.095 = 91.36; 7.2 M traces,
    # 35.59; 7 alarms, 0.70; 180 GB of objects and not 950: 770 × 0.023 = 17.71 less. Two metrics of withdrawals in
    # four series each, their lines and an alarm (2.40 + 0.40 + 0.10).
    since = -11 + 91 + 36 + 1 - 18 + 3
    more, committed_more = 53 + 8 + 22 + 46 + since, 35 + 8 + 22 + 46 + since
    for commitment, wanted in ((Commitment.NONE, 1_581 + more), (Commitment.ONE_YEAR, 1_276 + committed_more)):
        assert near(sum((line.dollars for line in platform(commitment)), Decimal(0)), wanted, off=3)
    optional = Decimal(17 + 22)  # the NLB and the proxy, which were counted apart
    for commitment, edge, wanted in (
        (Commitment.ONE_YEAR, Edge.SPLIT, 2_438 + committed_more + 13),
        (Commitment.NONE, Edge.SPLIT, 2_743 + more + 13),
        (Commitment.NONE, Edge.REST_FOR_ALL, 6_375 + more + 2),
    ):
        found = bill(LOAD, commitment, Layout.MULTI_AZ, edge)
        internal = Decimal("16.4") if edge is Edge.SPLIT else Decimal(0)
        assert near(found.total(optional=True) - internal, wanted, off=4)
        assert Decimal(0) < found.total(optional=True) - found.total() <= optional


def test_what_was_not_itemised_is_itemised_to_the_same_sums() -> None:
    sums: dict[str, Decimal] = {}
    for line in common_lines(LOAD, Layout.MULTI_AZ):
        sums[line.service] = sums.get(line.service, Decimal(0)) + line.dollars
    # 81, and 13 × 0.10 + 0.50, and 22 as above; traces and 7 alarms; what waits of withdrawals
    assert near(sums["CloudWatch"], 105 + 36 + 3)
    assert near(sums["S3"] + sums["Messages"] + sums["Keys"], 74 - 18)  # 76, a key and a secret less; fewer objects


def test_each_public_address_is_paid_for_once() -> None:
    lines = [*edge_lines(LOAD, Edge.SPLIT), *common_lines(LOAD, Layout.CLUSTER)]
    counted = [re.findall(r"(\d+) public addresses", line.what) for line in lines]
    assert sum(int(number) for found in counted for number in found) == 6  # of three zones: NAT's and the balancer's


def test_what_is_kept_costs_more_each_month_and_nothing_else_does() -> None:
    first, year = (bill(LOAD, Commitment.NONE, Layout.CLUSTER, Edge.SPLIT, month) for month in (1, 12))
    grown = {
        (line.service, later.dollars - line.dollars)
        for line, later in zip(first.lines, year.lines, strict=True)
        if line.dollars != later.dollars
    }
    # 125 new orders a second × 720 bytes × 86,400 × 30 = 233.28 GB a month, on three disks, 11 months: × 0.115 = 885.30.
    # 250 × 198 × 2,628,000 = 130.09 GB and 50: 180.09 a month; 2 more near (× 0.023), 9 far (× 0.004): 14.77.
    assert {(service, round(more, 1)) for service, more in grown} == {
        ("RDS", Decimal("885.3")),
        ("S3", Decimal("14.8")),
    }


def test_a_few_calls_are_all_traced_and_of_many_a_twentieth() -> None:
    seconds = Decimal(730 * 3_600)
    assert traced_millions(Decimal("0.5")) == seconds / 2 / 1_000_000
    assert traced_millions(Decimal(101)) == seconds * 6 / 1_000_000


def test_more_load_takes_more_and_a_lost_zone_is_spared_for() -> None:
    assert [gateways(Workload(rps), Layout.MULTI_AZ) for rps in (1, 500, 5_000, 50_000)] == [3, 3, 13, 125]
    assert [shards(Workload(rps)) for rps in (500, 5_000, 50_000)] == [1, 1, 3]
    assert [database_steps(Workload(rps)) for rps in (500, 5_000, 50_000)] == [1, 8, 64]
    for rps in (500, 5_000, 50_000):
        carried = gateways(Workload(rps), Layout.MULTI_AZ) * 2 / 3 * 600
        assert carried >= rps
    totals = [page.ours(rps).total() for rps in range(100, 20_000, 700)]
    assert totals == sorted(totals)


def test_a_second_region_pays_for_its_keys_secrets_and_text() -> None:
    lines = {line.what: line.dollars for line in region_lines(LOAD, Commitment.NONE)}
    # Worked out by hand: 1 + 5 for the key; six secrets of 0.40; 5 GB of 0.50; a check with three extras.
    for beginning, wanted in (("1 KMS key", "6"), ("5 copies", "2.40"), ("logs", "2.50"), ("health check", "3.50")):
        assert [amount for what, amount in lines.items() if what.startswith(beginning)] == [Decimal(wanted)]


def test_what_is_shown_is_the_cluster_that_production_has() -> None:
    assert any(line.what.startswith("Multi-AZ cluster") for line in page.ours(500).lines)
    assert page.ours(500) == bill(LOAD, Commitment.NONE, Layout.CLUSTER, Edge.SPLIT)


def test_committing_costs_less_and_each_nine_more() -> None:
    totals = [page.ours(500, commitment).total() for commitment in Commitment]
    assert totals == sorted(totals, reverse=True)
    layers = [bill(LOAD, Commitment.NONE, nine.layout, Edge.SPLIT).total() for nine in NINES]
    assert layers == sorted(layers)
    assert [nine.share for nine in NINES] == sorted(nine.share for nine in NINES)


def test_ours_costs_less_than_everything_through_api_gateway_at_every_scale() -> None:
    for rps in page.SCALES:
        assert page.ours(rps).total() < page.naive(rps).total()


def test_every_price_has_a_source_and_a_date() -> None:
    assert len({each.name for each in PRICES}) == len(PRICES)
    for each in PRICES:
        assert each.amount > 0
        assert each.source
        assert each.date.startswith("202")
        assert each.is_verified == (each.source not in ("assumed", "third party")), each
    with pytest.raises(KeyError):
        price("nothing")


def test_every_price_is_used() -> None:
    source = Path(__file__).parents[2] / "src" / "openbourse" / "cost"
    text = "".join((source / name).read_text() for name in ("model.py", "committed.py", "second.py"))
    unused = [
        each.name
        for each in PRICES
        if f'"{each.name}"' not in text and each.name.removeprefix("ec2 c7g.") not in ("medium", "large", "xlarge")
    ]
    assert unused == []


def test_the_page_and_its_picture_are_current() -> None:
    assert (DOCS / "cost.md").read_text() == page.markdown(), "openbourse cost --page docs/aws/cost.md"
    assert (DOCS / "cost.svg").read_text() == page.svg()


def test_the_picture_is_whole() -> None:
    root = ElementTree.fromstring(page.svg())
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert len([text for text in texts if text and "/s, " in text]) == 6
    for element in root.iter("{http://www.w3.org/2000/svg}rect"):
        assert 0 <= float(element.get("x", "0")) + float(element.get("width", "0")) <= page.WIDTH


def test_the_command_prints_lines_scales_and_nines(tmp_path: Path) -> None:
    chart = tmp_path / "cost.svg"
    shown = runner.invoke(
        app, ["cost", "--rps", "500", "--commit", "1y", "--chart", str(chart)], env={"COLUMNS": "200"}
    )
    assert shown.exit_code == 0, shown.output
    for text in ("sequencers, 2 c7g.xlarge, never Spot", "50,000", "API Gateway for all", "99.95 %", "Not verified"):
        assert text in shown.output
    assert chart.read_text() == page.svg(Commitment.ONE_YEAR)


def test_an_unknown_region_is_answered_with_the_known_ones() -> None:
    shown = runner.invoke(app, ["cost", "--region", "mars-1"])
    assert shown.exit_code == 2
    assert all(region in shown.stderr for region in REGIONS)
    assert "for orientation" in runner.invoke(app, ["cost", "--region", "eu-central-1"]).output


def test_the_decision_has_the_figures_of_the_page() -> None:
    told = (DOCS / "cost.md").read_text().partition("## Ways in")[2].partition("\n## ")[0]
    ways = dict(re.findall(r"^\| (.+) \| ([\d,]+) \|$", told, re.MULTILINE))
    names = (Edge.REST_FOR_ALL, Edge.HTTP_FOR_ALL, Edge.BALANCER, Edge.SPLIT)
    text = (DOCS.parent / "decisions" / "0012-two-fronts.md").read_text()
    decided = re.findall(r"^\| .+ \| \**([\d,]+)\** \|$", text, re.MULTILINE)
    assert decided == [ways[each.value] for each in names]
    assert f"{WAF_RULES} WAF rules" in text
