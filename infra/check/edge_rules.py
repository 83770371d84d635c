"""Rules on the edge: nothing else is public, and what is public is routed, guarded and bounded."""

from collections.abc import Iterator
from typing import Final

from infra.check.assembly import Assembly, Resource, Rule, attributes
from infra.plan import (
    DRAIN_S,
    HARMLESS,
    HIDDEN,
    IDLE_S,
    MANAGED,
    STAGE,
    TIMEOUT_MS,
    TLS_POLICY,
    UNWRITTEN,
    metered_paths,
    photograph,
    public_paths,
)
from openbourse.roles import FLEETS

PUBLIC_PORTS: Final = {80, 443}
API_MS_MAX: Final = 29_000
DRAIN_S_MAX: Final = 300


def only_the_edge_is_public(assembly: Assembly) -> Iterator[str]:
    """One security group is open to the world, at two ports; one balancer faces it; nothing else has an address."""
    for rule in assembly.of("EC2::SecurityGroupIngress"):
        if rule.properties.get("CidrIp") in ("0.0.0.0/0", "::/0") or "CidrIpv6" in rule.properties:
            group = assembly.target(rule, rule.properties["GroupId"])
            name = "" if group is None else group.properties["GroupDescription"]
            if name != "openbourse balancer" or rule.properties["FromPort"] not in PUBLIC_PORTS:
                yield f"{rule}: the world reaches {name} at {rule.properties['FromPort']}"
    for group in assembly.of("EC2::SecurityGroup"):
        if any(each.get("CidrIp") == "0.0.0.0/0" for each in group.properties.get("SecurityGroupIngress", [])):
            yield f"{group}: open to the world"
    facing = [
        each for each in assembly.of("ElasticLoadBalancingV2::LoadBalancer")
        if each.properties.get("Scheme") != "internal"
    ]  # fmt: skip
    if [each.name for each in facing] != ["PublicBalancer"]:
        yield f"facing the world: {[each.name for each in facing]}"
    for each in assembly.of("RDS::DBInstance", "RDS::DBCluster"):
        if each.properties.get("PubliclyAccessible") is not False:
            yield f"{each}: may have a public address"
    for each in assembly.of("EC2::Subnet"):
        if each.properties.get("MapPublicIpOnLaunch") is True:
            yield f"{each}: gives everything a public address"


def fronts_speak_tls_only(assembly: Assembly) -> Iterator[str]:
    """Listeners speak TLS 1.2 or newer; the one that does not sends elsewhere; so does API Gateway, on both sides."""
    for each in assembly.of("ElasticLoadBalancingV2::Listener"):
        if each.properties["Protocol"] == "HTTPS":
            if each.properties.get("SslPolicy") != TLS_POLICY or not each.properties.get("Certificates"):
                yield f"{each}: old TLS"
        elif [action.get("RedirectConfig", {}).get("Protocol") for action in each.properties["DefaultActions"]] != [
            "HTTPS"
        ]:
            yield f"{each}: serves in the clear"
    for each in assembly.of("ApiGateway::DomainName"):
        if each.properties.get("SecurityPolicy") != "TLS_1_2":
            yield f"{each}: old TLS"
    for each in assembly.of("ApiGateway::Method"):
        if not str(each.properties["Integration"].get("Uri")).startswith("https://"):
            yield f"{each}: speaks in the clear behind"
    for each in assembly.of("ApiGateway::RestApi"):
        if each.properties.get("DisableExecuteApiEndpoint") is not True:
            yield f"{each}: has a second name, without our certificate"


def paths_go_where_roles_say(assembly: Assembly) -> Iterator[str]:
    """The rules of both balancers route the paths of roles.py, each to its fleet, the longest first."""
    for listener, wanted in (("PublicHttps", public_paths()), ("InnerHttps", metered_paths())):
        found = []
        rules = [each for each in assembly.of("ElasticLoadBalancingV2::ListenerRule") if _of(each, listener, assembly)]
        priorities = [each.properties["Priority"] for each in rules]
        if len(set(priorities)) != len(priorities):
            yield f"{listener}: two rules of one priority"
        for rule in sorted(rules, key=lambda each: each.properties["Priority"]):
            target = assembly.target(rule, rule.properties["Actions"][0].get("TargetGroupArn"))
            pattern = rule.properties["Conditions"][0]["PathPatternConfig"]["Values"][0]
            if target is not None:
                found.append((pattern.removesuffix("*").rstrip("/") or "/", _fleet(target)))
        if found != [(path, fleet.name) for path, fleet in wanted]:
            yield f"{listener}: routes {found}"
    hidden = [each for each in assembly.of("ElasticLoadBalancingV2::ListenerRule") if each.properties["Priority"] == 1]
    kept = [value for each in hidden for value in each.properties["Conditions"][0]["PathPatternConfig"]["Values"]]
    answers = [each.properties["Actions"][0].get("FixedResponseConfig", {}).get("StatusCode") for each in hidden]
    if not {*HIDDEN, *(f"{path}/*" for path in HIDDEN)} <= set(kept) or answers != ["404"]:
        yield f"the public may ask for {HIDDEN}"


def _of(rule: Resource, listener: str, assembly: Assembly) -> bool:
    found = assembly.target(rule, rule.properties["ListenerArn"])
    return found is not None and found.name == listener


def _fleet(targets: Resource) -> str:
    label = targets.name.removeprefix("Public").removeprefix("Inner").removesuffix("Targets")
    return next((fleet.name for fleet in FLEETS if fleet.name.title() == label), label)


def health_is_asked_and_fleets_drain(assembly: Assembly) -> Iterator[str]:
    """Each target group asks for the fleet's health at its port, waits shorter than its interval, and drains."""
    groups = assembly.of("ElasticLoadBalancingV2::TargetGroup")
    for each in groups:
        fleet = next((fleet for fleet in FLEETS if fleet.name == _fleet(each)), None)
        own = each.properties
        if fleet is None or (own.get("Port"), own.get("HealthCheckPath")) != (fleet.port, fleet.health_path):
            yield f"{each}: asks {own.get('HealthCheckPath')} at {own.get('Port')}"
            continue
        if own.get("HealthCheckTimeoutSeconds", 5) >= own.get("HealthCheckIntervalSeconds", 30):
            yield f"{each}: waits as long as its interval"
        drain = int(attributes(own.get("TargetGroupAttributes", [])).get("deregistration_delay.timeout_seconds", 300))
        if drain != DRAIN_S[fleet.name] or drain > DRAIN_S_MAX:
            yield f"{each}: drains for {drain} s"
    served = {_fleet(each) for each in groups}
    yield from (
        f"{fleet.name}: behind no balancer" for fleet in FLEETS if fleet.health_path and fleet.name not in served
    )
    attached = set()
    for group in assembly.of("AutoScaling::AutoScalingGroup"):
        for value in group.properties.get("TargetGroupARNs", []):
            target = assembly.target(group, value)
            attached.add("?" if target is None else target.name)
    yield from (f"{each}: no instance is ever in it" for each in groups if each.name not in attached)


def balancers_are_set_as_meant(assembly: Assembly) -> Iterator[str]:
    """Long sockets live, broken headers do not, connections are logged, and a balancer is not deleted by mistake."""
    for each in assembly.of("ElasticLoadBalancingV2::LoadBalancer"):
        own = attributes(each.properties.get("LoadBalancerAttributes", []))
        wanted = {
            "routing.http.drop_invalid_header_fields.enabled": "true",
            "access_logs.s3.enabled": "false",
            "connection_logs.s3.enabled": "true",
            "waf.fail_open.enabled": "false",
            "deletion_protection.enabled": str(assembly.environment.is_protected).lower(),
        }
        if each.properties.get("Scheme") != "internal":
            wanted["idle_timeout.timeout_seconds"] = str(IDLE_S)
        yield from (f"{each}: {key} is {own.get(key)}" for key, value in wanted.items() if own.get(key) != value)
        zones = {
            subnet.properties["AvailabilityZone"]
            for value in each.properties["Subnets"]
            if (subnet := assembly.target(each, value)) is not None
        }
        if zones != set(assembly.environment.zones):
            yield f"{each}: in {sorted(zones)}"


def plans_bound_their_keys(assembly: Assembly) -> Iterator[str]:
    """Every usage plan has a rate, a burst and a quota; the stage has a rate; no method can be called without a key."""
    plans = assembly.of("ApiGateway::UsagePlan")
    if len(plans) != len(assembly.environment.plans):
        yield f"{len(plans)} plans"
    for each in plans:
        throttle, quota = each.properties.get("Throttle", {}), each.properties.get("Quota", {})
        if not (throttle.get("RateLimit", 0) > 0 and throttle.get("BurstLimit", 0) > 0):
            yield f"{each}: as fast as one likes"
        if not quota.get("Limit", 0) > 0:
            yield f"{each}: as much as one likes"
        if not each.properties.get("ApiStages"):
            yield f"{each}: of no stage"
    for each in assembly.of("ApiGateway::Stage"):
        settings = each.properties.get("MethodSettings", [])
        if not any(setting.get("ThrottlingRateLimit", 0) > 0 for setting in settings):
            yield f"{each}: may take all that the account has"
        if "AccessLogSetting" not in each.properties or each.properties["StageName"] != STAGE:
            yield f"{each}: leaves no trace"
    for each in assembly.of("ApiGateway::Method"):
        if each.properties.get("ApiKeyRequired") is not True:
            yield f"{each}: needs no key"


def the_api_gives_up_in_time(assembly: Assembly) -> Iterator[str]:
    """API Gateway waits for our few seconds, and never longer than AWS allows."""
    methods = assembly.of("ApiGateway::Method")
    if len(methods) != len(metered_paths()):
        yield f"{len(methods)} methods for {len(metered_paths())} paths"
    for each in methods:
        waits = each.properties["Integration"].get("TimeoutInMillis", API_MS_MAX)
        if waits > min(TIMEOUT_MS, API_MS_MAX):
            yield f"{each}: waits {waits} ms"
        if assembly.target(each, each.properties["Integration"].get("IntegrationTarget")) is None:
            yield f"{each}: leads nowhere"


def fronts_are_guarded(assembly: Assembly) -> Iterator[str]:
    """Each front has a firewall of its own: floods, sizes and AWS's lists, in distinct priorities, all at work."""
    guarded = {each.name for each in assembly.of("WAFv2::WebACLAssociation")}
    if len(guarded) != 2:
        yield f"guarded: {sorted(guarded)}"
    for each in assembly.of("WAFv2::WebACL"):
        rules = each.properties.get("Rules", [])
        priorities = [rule["Priority"] for rule in rules]
        if len(set(priorities)) != len(priorities):
            yield f"{each}: priorities {priorities}"
        kinds = {key for rule in rules for key in rule["Statement"]}
        if not {"RateBasedStatement", "OrStatement", "ManagedRuleGroupStatement"} <= kinds:
            yield f"{each}: has only {sorted(kinds)}"
        named = {rule["Statement"].get("ManagedRuleGroupStatement", {}).get("Name") for rule in rules}
        yield from (f"{each}: without {name}" for name in MANAGED if name not in named)
        for rule in rules:
            listed_by = rule["Statement"].get("ManagedRuleGroupStatement", {})
            counted = {over["Name"] for over in listed_by.get("RuleActionOverrides", [])}
            if counted != set(HARMLESS.get(listed_by.get("Name", ""), ())):
                yield f"{each}: {rule['Name']} counts {sorted(counted)}"
            only_counts = "Count" in rule.get("OverrideAction", {}) or "Count" in rule.get("Action", {})
            if only_counts or ("Action" in rule and "Block" not in rule["Action"]):
                yield f"{each}: {rule['Name']} lets pass"


def the_stage_shows_what_stands(assembly: Assembly) -> Iterator[str]:
    """The API's deployment is of its methods, paths and settings as they are: an older one would go on serving."""
    for each in assembly.of("ApiGateway::Deployment"):
        api = each.properties["RestApiId"]["Ref"]
        told = {
            name: body["Properties"]
            for name, body in each.template.resources.items()
            if name == api or body["Type"] in ("AWS::ApiGateway::Resource", "AWS::ApiGateway::Method")
        }
        if not each.name.startswith(f"AccountDeployment{photograph(told)}"):
            yield f"{each}: is of another API than the one that stands here"


def no_log_proves_a_caller(assembly: Assembly) -> Iterator[str]:
    """No log has what a caller is proven by: no query or path, no key's header, no body."""
    logged = assembly.of("WAFv2::LoggingConfiguration")
    for each in logged:
        fields = each.properties.get("RedactedFields", [])
        names = {str(field["SingleHeader"]["Name"]) for field in fields if "SingleHeader" in field}
        places = {key for field in fields for key in field}
        if not {"QueryString", "UriPath"} <= places or not set(UNWRITTEN) <= names:
            yield f"{each}: writes down what {fields} leave"
    if len(logged) != len(assembly.of("WAFv2::WebACL")):
        yield f"{len(logged)} firewalls write down what they keep out"
    for each in assembly.of("WAFv2::WebACL"):
        shown = [each.properties, *each.properties["Rules"]]
        if any(one["VisibilityConfig"].get("SampledRequestsEnabled") is not False for one in shown):
            yield f"{each}: shows whole requests"
    for each in assembly.of("ApiGateway::Stage"):
        written = str(each.properties.get("AccessLogSetting", {}).get("Format"))
        if "querystring" in written.lower() or "header" in written.lower() or 'apiKey"' in written:
            yield f"{each}: writes down {written}"
        if any(one.get("DataTraceEnabled") is not False for one in each.properties.get("MethodSettings", [])):
            yield f"{each}: writes down bodies"


RULES: Final[tuple[Rule, ...]] = (
    only_the_edge_is_public,
    fronts_speak_tls_only,
    paths_go_where_roles_say,
    health_is_asked_and_fleets_drain,
    balancers_are_set_as_meant,
    plans_bound_their_keys,
    the_api_gives_up_in_time,
    fronts_are_guarded,
    the_stage_shows_what_stands,
    no_log_proves_a_caller,
)
