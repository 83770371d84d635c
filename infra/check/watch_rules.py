"""Rules on watching, messages and money: an alarm for each goal, a dead-letter queue for each queue, a budget."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from infra.alarms import ALARMS, RUNBOOKS, STANDING_BY, Subject, threshold
from infra.check.assembly import Assembly, Resource, Rule
from infra.plan import FUNCTION_RDS_CA, OPERATORS, RDS_CA, dashboard, namespace, secret_name
from openbourse.monitor.slo import METRICS, SLOS, Slo
from openbourse.roles import Need

PAGES: Final = Path(__file__).parents[2] / "docs" / "runbooks"
TEMPLATE_BYTES_MAX: Final = 51_200
RESOURCES_MAX: Final = 500
RUNTIMES: Final = {"python3.12", "python3.13", "python3.14"}
VISIBILITY_TIMES: Final = 6
NOT_OF_A_STANDBY: Final = (Subject.REPORTER, Subject.REPORTS_LEFT, Subject.ROTATION, Subject.ROLLING)
"""What is made once a Region is the one that trades, or is not needed by it."""
DATABASES: Final = ("JOURNAL_URL", "DATABASE_URL", "READER_URL")


def every_goal_has_its_alarm(assembly: Assembly) -> Iterator[str]:
    """Each row of monitor/slo.py is an alarm with the same metric, statistic, threshold and times."""
    alarms = {each.properties.get("AlarmName"): each for each in assembly.of("CloudWatch::Alarm")}
    for slo in SLOS:
        alarm = alarms.get(f"{assembly.environment.prefix}-{slo.name}")
        if alarm is None:
            yield f"{slo.name}: no alarm"
            continue
        yield from (
            f"{slo.name}: {each}" for each in _differences(slo, namespace(assembly.environment), alarm.properties)
        )


def _differences(slo: Slo, space: str, own: Any) -> Iterator[str]:
    wanted = {
        "ComparisonOperator": OPERATORS[slo.breach],
        "Threshold": slo.threshold,
        "EvaluationPeriods": slo.periods,
        "DatapointsToAlarm": slo.breaching,
        "TreatMissingData": slo.missing,
    }
    if slo.share_of:
        found = {each["Id"]: each.get("Expression") or _measured(each["MetricStat"]) for each in own.get("Metrics", [])}
        times = (slo.statistic, slo.period_s, space)
        asked = {"share": "part / whole", "part": (slo.metric, *times), "whole": (slo.share_of, *times)}
        if found != asked or [each["Id"] for each in own["Metrics"] if each.get("ReturnData", True)] != ["share"]:
            yield f"looks at {found}"
    else:
        statistic = "ExtendedStatistic" if slo.statistic.startswith("p") else "Statistic"
        wanted |= {"MetricName": slo.metric, statistic: slo.statistic, "Period": slo.period_s, "Namespace": space}
    yield from (f"{key} is {own.get(key)}" for key, value in wanted.items() if own.get(key) != value)


def _measured(stat: Any) -> tuple[str, str, int, str]:
    return stat["Metric"]["MetricName"], stat["Stat"], stat["Period"], stat["Metric"]["Namespace"]


def every_resource_alarm_is_there(assembly: Assembly) -> Iterator[str]:
    """Each row of infra/alarms.py is an alarm, and whatever it names is there."""
    alarms = assembly.of("CloudWatch::Alarm")
    for row in ALARMS:
        if not _is_there(assembly, row.subject):
            continue
        prefix = f"{assembly.environment.prefix}-{row.name}"
        found = [each for each in alarms if str(each.properties.get("AlarmName")).startswith(prefix)]
        if not found:
            yield f"{row.name}: no alarm"
        for each in found:
            own = each.properties
            if (own.get("MetricName"), own.get("Threshold")) != (row.metric, threshold(row, assembly.environment)):
                yield f"{row.name}: {own.get('MetricName')} at {own.get('Threshold')}"
            for dimension in own.get("Dimensions", []):
                if not isinstance(dimension["Value"], str) and assembly.target(each, dimension["Value"]) is None:
                    yield f"{row.name}: looks at nothing"


def _is_there(assembly: Assembly, subject: Subject) -> bool:
    """Tell whether an environment has what a row looks at."""
    if subject is Subject.REPLICA:
        return bool(replicas_of(assembly))
    return subject not in NOT_OF_A_STANDBY or not assembly.environment.standby_of


def replicas_of(assembly: Assembly) -> list[Resource]:
    """Return the databases that follow another one by themselves; the readers of a cluster are part of it."""
    return [each for each in assembly.of("RDS::DBInstance") if "SourceDBInstanceIdentifier" in each.properties]


def each_store_is_watched(assembly: Assembly) -> Iterator[str]:
    """Each database instance and each replica has the alarms of its kind, by its own name."""
    looked_at: dict[tuple[Any, Any], set[str]] = {}
    for each in assembly.of("CloudWatch::Alarm"):
        for dimension in each.properties.get("Dimensions", []):
            key = each.properties.get("Namespace"), each.properties["MetricName"]
            looked_at.setdefault(key, set()).add(str(dimension["Value"]))
    names = [str(each.properties["DBInstanceIdentifier"]) for each in assembly.of("RDS::DBInstance")]
    for row in ALARMS:
        if row.subject is Subject.DATABASE:
            wanted = names
        elif row.subject is Subject.REPLICA:
            wanted = [str(each.properties["DBInstanceIdentifier"]) for each in replicas_of(assembly)]
        else:
            continue
        for name in wanted:
            if name not in looked_at.get(("AWS/RDS", row.metric), ()):
                yield f"{row.name}: nobody looks at {name}"


def a_standby_wakes_nobody(assembly: Assembly) -> Iterator[str]:
    """The alarm that wakes is silent while no sequencer is wanted in a Region, and only in one that stands by."""
    name = f"{assembly.environment.prefix}-{STANDING_BY.name}"
    found = [each for each in assembly.of("CloudWatch::Alarm") if each.properties.get("AlarmName") == name]
    for each in found:
        own = each.properties
        told = (own["MetricName"], own["ComparisonOperator"], own["Threshold"], own["TreatMissingData"])
        if told != (STANDING_BY.metric, OPERATORS["<"], 1, "breaching"):
            yield f"{each}: looks at {told}"
    for page in assembly.of("CloudWatch::CompositeAlarm"):
        suppressor = page.properties.get("ActionsSuppressor")
        if suppressor != (name if assembly.environment.standby_of else None):
            yield f"{page}: silent by {suppressor}"
        if assembly.environment.standby_of and not found:
            yield f"{page}: nothing says that the Region stands by"


def alarms_reach_somebody(assembly: Assembly) -> Iterator[str]:
    """Every alarm tells a topic that somebody subscribes to; those that wake stand in the one that pages."""
    topics = {
        target.name
        for each in assembly.of("SNS::Subscription")
        if (target := assembly.target(each, each.properties["TopicArn"])) is not None
    }
    for each in assembly.of("CloudWatch::Alarm", "CloudWatch::CompositeAlarm"):
        told = [assembly.target(each, action) for action in each.properties.get("AlarmActions", [])]
        if not any(target is not None and target.name in topics for target in told):
            yield f"{each}: tells nobody"
        if each.type == "AWS::CloudWatch::Alarm" and each.properties["ComparisonOperator"] not in OPERATORS.values():
            yield f"{each}: compares by {each.properties['ComparisonOperator']}"
    pages = assembly.of("CloudWatch::CompositeAlarm")
    rule = str(pages[0].properties["AlarmRule"]) if len(pages) == 1 else ""
    for name in [slo.name for slo in SLOS if slo.pages] + [row.name for row in ALARMS if row.pages]:
        if f"{assembly.environment.prefix}-{name}" not in rule:
            yield f"{name}: wakes nobody"


def alarms_say_what_to_do(assembly: Assembly) -> Iterator[str]:
    """Whoever hears of an alarm is told where it stands what to do, and it stands there."""
    for each in assembly.of("CloudWatch::Alarm", "CloudWatch::CompositeAlarm"):
        place, _, page = str(each.properties.get("AlarmDescription")).rpartition("/")
        if not place.endswith(RUNBOOKS) or not (PAGES / page).is_file():
            yield f"{each}: says {each.properties.get('AlarmDescription')}"


def fleets_as_small_as_meant_are_well(assembly: Assembly) -> Iterator[str]:
    """No alarm on how many stand rings while as many stand as the environment says at least."""
    for each in assembly.of("CloudWatch::Alarm"):
        for row in ALARMS:
            if not row.fleet or each.properties.get("AlarmName") != f"{assembly.environment.prefix}-{row.name}":
                continue
            if each.properties.get("Threshold", 0) > assembly.environment.fleets[row.fleet].least:
                yield f"{each}: rings for ever below {each.properties.get('Threshold')}"


def dashboards_show_the_table(assembly: Assembly) -> Iterator[str]:
    """The dashboard is the one that monitor/slo.py makes: a graph for each metric."""
    found = assembly.of("CloudWatch::Dashboard")
    bodies = [json.loads(each.properties["DashboardBody"]["Fn::Sub"]) for each in found]
    if bodies != [json.loads(json.dumps(dashboard(assembly.environment)))]:
        yield f"{len(found)} dashboards, not the one that the table makes"
    if any(len(body["widgets"]) != len(METRICS) for body in bodies):
        yield "a metric without a graph"


def text_is_forgotten(assembly: Assembly) -> Iterator[str]:
    """Every log group has an age."""
    groups = assembly.of("Logs::LogGroup")
    for each in groups:
        days = each.properties.get("RetentionInDays")
        if days != assembly.environment.log_days:
            yield f"{each}: kept for {days} days"
    yield from _of_services(assembly, [each.properties.get("LogGroupName") for each in groups])
    if len(assembly.of("EC2::FlowLog")) != len(assembly.of("EC2::VPC")):
        yield "a network without flow logs"


def _of_services(assembly: Assembly, names: list[Any]) -> Iterator[str]:
    """A group that a service makes by itself has no age and no key: each is made before the service needs it."""
    for each in assembly.of("RDS::DBCluster", "RDS::DBInstance"):
        kind = "cluster" if each.type == "AWS::RDS::DBCluster" else "instance"
        own = each.properties.get(f"DB{kind.title()}Identifier")
        for text in each.properties.get("EnableCloudwatchLogsExports", []):
            if f"/aws/rds/{kind}/{own}/{text}" not in names:
                yield f"{each}: its {text} is kept for ever"
    for each in assembly.of("ApiGateway::Stage"):
        api = each.properties.get("RestApiId", {}).get("Ref", "?")
        wanted = ["API-Gateway-Execution-Logs_", {"Ref": api}, f"/{each.properties.get('StageName')}"]
        if {"Fn::Join": ["", wanted]} not in names:
            yield f"{each}: what it says of faults is kept for ever"


def queues_have_an_end(assembly: Assembly) -> Iterator[str]:
    """Each queue has a dead-letter queue but those that are one; messages stay hidden for six times the work."""
    queues = assembly.of("SQS::Queue")
    dead = set()
    ends = [
        *((each, each.properties["RedrivePolicy"]) for each in queues if "RedrivePolicy" in each.properties),
        # A function that is called without waiting lays aside what it was called with.
        *((each, each.properties.get("DeadLetterConfig", {})) for each in assembly.of("Lambda::Function")),
    ]
    for each, redrive in ends:
        target = assembly.target(each, redrive.get("deadLetterTargetArn", redrive.get("TargetArn")))
        if target is not None and redrive.get("maxReceiveCount", 1) > 0:
            dead.add(target.name)
            if target.properties.get("MessageRetentionPeriod", 0) < 14 * 24 * 3_600:
                yield f"{target}: forgets before anybody looks"
    for each in queues:
        if each.name not in dead and "RedrivePolicy" not in each.properties:
            yield f"{each}: a poisoned message stays for ever"
    for source in assembly.of("Lambda::EventSourceMapping"):
        queue = assembly.target(source, source.properties["EventSourceArn"])
        function = assembly.target(source, source.properties["FunctionName"])
        if queue is None or function is None:
            yield f"{source}: from nowhere to nowhere"
            continue
        hidden, works = queue.properties.get("VisibilityTimeout", 30), function.properties.get("Timeout", 3)
        if hidden < VISIBILITY_TIMES * works:
            yield f"{queue}: hidden for {hidden} s, worked on for {works} s"
        if "ReportBatchItemFailures" not in source.properties.get("FunctionResponseTypes", []):
            yield f"{source}: one bad message brings back ten"


def functions_are_bounded(assembly: Assembly) -> Iterator[str]:
    """Functions run on arm64, on a Python that AWS still keeps, so many at a time, and write where it is forgotten.

    Where the account's quota is a new one's, none reserves anything: CloudFormation would refuse the stack.
    """
    for each in assembly.of("Lambda::Function"):
        own = each.properties
        if own.get("Architectures") != ["arm64"] or own.get("Runtime") not in RUNTIMES:
            yield f"{each}: {own.get('Runtime')} on {own.get('Architectures')}"
        reserved = own.get("ReservedConcurrentExecutions")
        if not reserved and assembly.environment.reserves_functions:
            yield f"{each}: may take all that the account has"
        if reserved and not assembly.environment.reserves_functions:
            yield f"{each}: reserves {reserved}, which a new account is refused"
        if assembly.target(each, own.get("LoggingConfig", {}).get("LogGroup")) is None:
            yield f"{each}: writes where nothing is forgotten"


def mail_is_proven(assembly: Assembly) -> Iterator[str]:
    """The domain that notices come from is proven by three records of its own, and signs what it sends."""
    identities = assembly.of("SES::EmailIdentity")
    if [each.properties["EmailIdentity"] for each in identities] != [assembly.environment.domain]:
        yield f"mail is sent from {[str(each) for each in identities]}"
    for each in identities:
        if each.properties.get("DkimAttributes", {}).get("SigningEnabled") is not True:
            yield f"{each}: signs nothing"
        proofs = {
            str(record.properties["Name"]["Fn::GetAtt"][1]): record.properties["ResourceRecords"]
            for record in assembly.of("Route53::RecordSet")
            if record.properties["Type"] == "CNAME" and assembly.target(record, record.properties["Name"]) == each
        }
        wanted = {
            f"DkimDNSTokenName{number}": [{"Fn::GetAtt": [each.name, f"DkimDNSTokenValue{number}"]}]
            for number in (1, 2, 3)
        }
        if proofs != wanted:
            yield f"{each}: proven by {sorted(proofs)}"


def the_way_out_is_as_meant(assembly: Assembly) -> Iterator[str]:
    """As many NAT gateways as the environment says, one a zone in production; S3 is reached without them."""
    count = len(assembly.of("EC2::NatGateway"))
    if count != assembly.environment.nat_gateways:
        yield f"{count} NAT gateways"
    must = assembly.environment.name in ("production", "global") and not assembly.environment.standby_of
    if must and count != len(assembly.environment.zones):
        yield "a lost zone takes the way out of others with it"
    services = [str(each.properties["ServiceName"]) for each in assembly.of("EC2::VPCEndpoint")]
    if not any(".s3" in each for each in services):
        yield "S3 is paid for by the gigabyte"


def templates_hang_together(assembly: Assembly) -> Iterator[str]:
    """Whatever a template refers to is there, and CloudFormation takes it as it is."""
    exports = {
        output["Export"]["Name"]
        for template in assembly.templates
        for output in template.document.get("Outputs", {}).values()
        if "Export" in output
    }
    for template in assembly.templates:
        if template.size > TEMPLATE_BYTES_MAX or len(template.resources) > RESOURCES_MAX:
            yield f"{template.stack}: {template.size} bytes, {len(template.resources)} resources"
        known = {*template.resources, *template.document.get("Parameters", {})}
        for kind, name in _references(template.document.get("Resources", {})):
            if kind == "Fn::ImportValue":
                if name not in exports:
                    yield f"{template.stack}: imports {name}, which nobody exports"
            elif name not in known and not name.startswith("AWS::"):
                yield f"{template.stack}: refers to {name}, which is not there"


def _references(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("Ref", "Fn::ImportValue") and isinstance(inner, str):
                yield key, inner
            elif key == "Fn::GetAtt":
                yield key, str(inner[0] if isinstance(inner, list) else inner.partition(".")[0])
            else:
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def settings_are_written(assembly: Assembly) -> Iterator[str]:
    """Each setting of the environment is a parameter; none of them holds a secret."""
    found: dict[str, Resource] = {str(each.properties["Name"]): each for each in assembly.of("SSM::Parameter")}
    prefix = f"/openbourse/{assembly.environment.name}/settings/"
    for name in (*assembly.environment.settings, "JOURNAL_URL", "DATABASE_URL", "VALKEY_URL", "INTAKE_PORT"):
        if prefix + name not in found:
            yield f"{name}: not written"
    secrets = {secret_name(assembly.environment, need) for need in Need if need is not Need.SEQUENCER}
    for name, each in found.items():
        # By name, and one that exists: what an instance cannot look up stops it at its first start.
        if name.endswith("_SECRET") and each.properties["Value"] not in secrets:
            yield f"{name}: names no secret of this environment"
    yield from (
        f"{name}: holds a secret" for name, each in found.items() if "@" in json.dumps(each.properties["Value"])
    )


def databases_are_believed_by_their_authority(assembly: Assembly) -> Iterator[str]:
    """Whoever connects to PostgreSQL checks its name and chain, by the file of authorities that lies where it runs."""
    told = [
        (str(each), each.properties["Value"], RDS_CA)
        for each in assembly.of("SSM::Parameter")
        if str(each.properties["Name"]).endswith(DATABASES)
    ]
    for each in assembly.of("Lambda::Function"):
        values = each.properties.get("Environment", {}).get("Variables", {})
        told += [(f"{each} {name}", values[name], FUNCTION_RDS_CA) for name in values if name.endswith(DATABASES)]
    for where, value, authorities in told:
        if f"sslmode=verify-full&sslrootcert={authorities}" not in json.dumps(value):
            yield f"{where}: believes any database, or none"


RULES: Final[tuple[Rule, ...]] = (
    every_goal_has_its_alarm,
    every_resource_alarm_is_there,
    each_store_is_watched,
    a_standby_wakes_nobody,
    alarms_reach_somebody,
    alarms_say_what_to_do,
    fleets_as_small_as_meant_are_well,
    dashboards_show_the_table,
    text_is_forgotten,
    queues_have_an_end,
    functions_are_bounded,
    mail_is_proven,
    the_way_out_is_as_meant,
    templates_hang_together,
    settings_are_written,
    databases_are_believed_by_their_authority,
)
