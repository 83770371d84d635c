"""Rules on passwords that a clock changes: not before there are logins, taken up by those who hold them, heard of when not."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from infra.check.assembly import Assembly, Resource, Rule, listed, statements
from infra.plan import LOGINS_MADE, pascal, rolled_fleets, rolling_rule, secret_name
from openbourse.roles import Need

LOGINS: Final = (Need.JOURNAL, Need.DATABASE)
ROLLER: Final = frozenset(
    {"ssm:SendCommand", "ssm:ListCommands", "ssm:ListCommandInvocations", "ssm:DescribeInstanceInformation"}
)
STARTER: Final = frozenset({"ssm:StartAutomationExecution", "iam:PassRole"})


def rotations_wait_for_logins(assembly: Assembly) -> Iterator[str]:
    """A stack that rotates cannot be made before the logins are, changes nothing at once, and two never on one day."""
    schedules = assembly.of("SecretsManager::RotationSchedule")
    wanted = f"/openbourse/{assembly.environment.name}/{LOGINS_MADE}"
    days: set[str] = set()
    for each in schedules:
        parameters = each.template.document.get("Parameters", {}).values()
        if ("AWS::SSM::Parameter::Value<String>", wanted) not in {
            (one["Type"], one.get("Default")) for one in parameters
        }:
            yield f"{each}: can be made before `openbourse migrate` has made the logins"
        if each.properties.get("RotateImmediatelyOnUpdate") is not False:
            yield f"{each}: changes the password when it is made"
        when = str(each.properties.get("RotationRules", {}).get("ScheduleExpression"))
        day = when.split()[2] if when.startswith("cron(") else "?"
        if not day.isdigit() or not 1 <= int(day) <= 28 or day in days:
            yield f"{each}: {when}: a day that another has, or that is in no month"
        days.add(day)
    if len(schedules) < len(LOGINS):
        yield f"{len(schedules)} passwords are changed"


def rotations_can_read_what_they_change(assembly: Assembly) -> Iterator[str]:
    """The function that changes a password may use the key that the secret is kept under."""
    for each in assembly.of("SecretsManager::RotationSchedule"):
        secret = assembly.target(each, each.properties["SecretId"])
        under = None if secret is None else assembly.target(secret, secret.properties.get("KmsKeyId"))
        given = assembly.target(each, each.properties["HostedRotationLambda"].get("KmsKeyArn"))
        if under is None or given is None or (under.template, under.name) != (given.template, given.name):
            yield f"{each}: is given {given}, and the secret is under {under}"


def changed_logins_are_taken_up(assembly: Assembly) -> Iterator[str]:
    """A changed login begins one automation, which restarts the fleets that hold it, one instance after the other."""
    rules = [
        each
        for each in assembly.of("Events::Rule")
        if each.properties.get("Name") == rolling_rule(assembly.environment)
    ]
    if len(rules) != 1:
        yield f"{len(rules)} rules on changed logins"
    for rule in rules:
        pattern = rule.properties["EventPattern"]
        heard = {_secret(assembly, rule, each) for each in pattern.get("resources", [])}
        told = (rule.properties.get("State"), pattern.get("detail-type"), pattern["detail"].get("labelUpdated"))
        if heard != {secret_name(assembly.environment, need) for need in LOGINS}:
            yield f"{rule}: hears of {sorted(heard)}"
        if told != ("ENABLED", ["Secret Label Updated"], ["AWSCURRENT"]):
            yield f"{rule}: waits for {told}"
        for target in rule.properties["Targets"]:
            automation = _document(assembly, target["Arn"])
            if automation is None or automation.properties.get("DocumentType") != "Automation":
                yield f"{rule}: begins nothing"
                continue
            yield from _rolls(assembly, automation)
            yield from _may(assembly.target(rule, target["RoleArn"]), STARTER, rule)


def _secret(assembly: Assembly, rule: Resource, value: Any) -> str:
    found = assembly.target(rule, value)
    return "?" if found is None else str(found.properties.get("Name"))


def _document(assembly: Assembly, where: Any) -> Resource | None:
    text = str(where)
    return next((each for each in assembly.of("SSM::Document") if f"/{each.properties['Name']}:" in text), None)


def _rolls(assembly: Assembly, automation: Resource) -> Iterator[str]:
    content = automation.properties["Content"]
    restarted = []
    for step in content["mainSteps"]:
        asked = step["inputs"]
        named = {each["Key"].rpartition(":")[2]: each["Values"] for each in asked["Targets"]}
        restarted += named.get("fleet", ["everybody"])
        if named.get("environment") != [assembly.environment.name]:
            yield f"{automation}: restarts {named}"
        if (asked.get("MaxConcurrency"), asked.get("MaxErrors"), step.get("onFailure")) != ("1", "0", "Abort"):
            yield f"{automation}: restarts many at once, or goes on when one does not come back"
        command = assembly.target(automation, asked["DocumentName"])
        lines = [] if command is None else command.properties["Content"]["mainSteps"][0]["inputs"]["runCommand"]
        if not any(line.strip() == 'systemctl restart "$unit"' for line in lines):
            yield f"{automation}: {pascal(str(named.get('fleet')))} are told {lines}"
    if restarted != [fleet.name for fleet in rolled_fleets()]:
        yield f"{automation}: restarts {restarted}"
    role = assembly.target(automation, content.get("assumeRole"))
    yield from _may(role, ROLLER, automation)
    for statement in [] if role is None else statements(role):
        to_instances = "instance/*" in str(statement.get("Resource"))
        if to_instances and len(statement.get("Condition", {}).get("StringEquals", {})) != 2:
            yield f"{automation}: may restart anybody's instances"


def _may(role: Resource | None, actions: frozenset[str], user: Resource) -> Iterator[str]:
    found = {action for each in ([] if role is None else statements(role)) for action in listed(each["Action"])}
    if found != actions:
        yield f"{user}: may {sorted(found)}"


def failed_rotations_are_told(assembly: Assembly) -> Iterator[str]:
    """Each function that changes a password has an alarm; what failed, or was not taken up, is told to operators."""
    watched = {
        str(dimension["Value"])
        for each in assembly.of("CloudWatch::Alarm")
        if (each.properties.get("Namespace"), each.properties.get("MetricName")) == ("AWS/Lambda", "Errors")
        for dimension in each.properties["Dimensions"]
    }
    rotated = set()
    for each in assembly.of("SecretsManager::RotationSchedule"):
        name = each.properties["HostedRotationLambda"].get("RotationLambdaName")
        rotated.add(_secret(assembly, each, each.properties["SecretId"]))
        if name not in watched:
            yield f"{each}: nobody hears that {name} failed"
    told: dict[str, tuple[Resource, Mapping[str, Any]]] = {}
    for rule in assembly.of("Events::Rule"):
        targets = [assembly.target(rule, each["Arn"]) for each in rule.properties["Targets"]]
        if rule.properties.get("State") == "ENABLED" and all(
            each is not None and each.type == "AWS::SNS::Topic" for each in targets
        ):
            detail: Mapping[str, Any] = rule.properties["EventPattern"].get("detail", {})
            told[str(detail.get("eventName") or detail.get("Status"))] = (rule, detail)
    heard: set[str] = set()
    if found := told.get("['RotationFailed', 'RotationAbandoned']"):
        rule, detail = found
        heard = {_secret(assembly, rule, each) for each in detail.get("additionalEventData", {}).get("SecretId", [])}
    if heard != rotated:
        yield f"operators hear of failed rotations of {sorted(heard)}"
    if "['Failed', 'TimedOut', 'Cancelled']" not in told:
        yield "nobody hears that edges kept a former password"


RULES: Final[tuple[Rule, ...]] = (
    rotations_wait_for_logins,
    rotations_can_read_what_they_change,
    changed_logins_are_taken_up,
    failed_rotations_are_told,
)
