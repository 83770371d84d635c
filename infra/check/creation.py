"""Production's stacks created on emulators: everything is created and found again, or on the list of what is not made.

What an emulator says of availability is never asked: it drops such properties silently. Rung 1 holds the templates.
"""

import io
import json
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from infra.check.assembly import Assembly, Resource
from infra.check.emulators import EMULATORS, REGION, Client, clients
from infra.check.looking import COUNTED, QUESTIONS, SEEN_BY
from infra.check.shim import BODY_BYTES_MAX, Shim, alone, in_order
from infra.check.unmade import UNANSWERED, UNMADE, UNTOLD
from infra.plan import LOGINS_MADE

CREATED_S_MAX: Final = 120.0
BOOTSTRAP: Final = "/cdk-bootstrap/hnb659fds/version"
CAPABILITIES: Final = ("CAPABILITY_NAMED_IAM",)
IMAGE: Final = "ami-12c6146b"  # one that moto knows from the start
Code = Callable[[Resource], Mapping[str, bytes]]
"""Gives a function's files."""


def create(assembly: Assembly) -> Iterator[tuple[str, list[str]]]:
    """Create an environment on each emulator; yield the checks of each."""
    for name, running in EMULATORS.items():
        with running() as url:
            yield from ((f"{name}: {check}", problems) for check, problems in _on(name, clients(url), assembly))


def _on(emulator: str, client: Client, assembly: Assembly) -> Iterator[tuple[str, list[str]]]:
    shim = Shim(set(UNMADE[emulator]), set(UNTOLD[emulator]), bootstrap(client, assembly))
    ids: dict[str, dict[str, str]] = defaultdict(dict)
    for template in in_order(assembly.templates):
        document = shim.apply(template)
        problems = created(client, template.stack, document, ids[template.stack])
        yield f"the stack {template.stack} is created", problems
    by_type: dict[str, list[tuple[str, str | None]]] = defaultdict(list)
    for each in assembly.all:
        if not shim.spares(each.name, each.type):
            by_type[each.type].append((str(each), ids[each.template.stack].get(each.name)))
    for kind, found in sorted(by_type.items()):
        yield f"{kind} stands, all {len(found)}", _missing(client, kind, found)
    for kind in sorted(UNMADE[emulator]):
        yield f"{kind} is not made", _made_after_all(client, assembly, kind, ids)
    unmet = sorted(f"nobody asks for {kind} {name}" for kind, name in set(UNTOLD[emulator]) - shim.met)
    yield "every attribute that is spared is asked for", unmet
    for question, ask in QUESTIONS.items():
        problems = ask(client, assembly, ids)
        if question in UNANSWERED[emulator]:
            yield f"not: {question}", [] if problems else ["it is so now: take it from infra/check/unmade.py"]
        else:
            yield question, problems


def no_code(function: Resource) -> Mapping[str, bytes]:
    """Return the code of a function that is created and never called."""
    return {"handler.py": b"def handle(event, context): return None\n"}


def bootstrap(client: Client, assembly: Assembly, code: Code = no_code) -> dict[str, str]:
    """Put there what stands before any stack: the bootstrap's version and bucket, the functions' code, the image, the
    zone of names and a certificate; return what the last two are called here."""
    path = f"/openbourse/{assembly.environment.name}"
    baked = {f"{{{{resolve:ssm:{path}/report-function}}}}": "report-function.zip"}
    parameters = {
        BOOTSTRAP: "99", f"{path}/ami": IMAGE, f"{path}/report-function": "report-function.zip",
        f"{path}/{LOGINS_MADE}": "1.0",
    }  # fmt: skip
    for name, value in parameters.items():
        client("ssm").put_parameter(Name=name, Value=value, Type="String")
    account = client("sts").get_caller_identity()["Account"]
    bucket = f"cdk-hnb659fds-assets-{account}-{REGION}"
    client("s3").create_bucket(Bucket=bucket)
    for each in assembly.of("Lambda::Function"):
        held, key = io.BytesIO(), each.properties["Code"]["S3Key"]
        with zipfile.ZipFile(held, "w") as archive:
            for name, body in code(each).items():
                archive.writestr(name, body)
        # One emulator looks the parameter up, the other takes its name for the key.
        for name in {key, baked.get(key, key)}:
            client("s3").put_object(Bucket=bucket, Key=name, Body=held.getvalue())
    own = assembly.environment
    zone = client("route53").create_hosted_zone(Name=own.domain, CallerReference="openbourse")["HostedZone"]["Id"]
    certificate = client("acm").request_certificate(DomainName=own.domain)["CertificateArn"]
    return {own.zone_id: zone.rpartition("/")[2], "AWS::CertificateManager::Certificate": certificate}


def created(client: Client, stack: str, document: Mapping[str, Any], ids: dict[str, str]) -> list[str]:
    """Create one stack, wait for its end within a bound, and note the ids of what it made."""
    from botocore.exceptions import ClientError
    from botocore.parsers import ResponseParserError

    if not document["Resources"]:
        return []
    body = json.dumps(document, separators=(",", ":"))
    if len(body) >= BODY_BYTES_MAX:
        return [f"{len(body)} bytes: CloudFormation takes less than {BODY_BYTES_MAX} in a request"]
    cloudformation = client("cloudformation")
    try:
        cloudformation.create_stack(StackName=stack, TemplateBody=body, Capabilities=list(CAPABILITIES))
        deadline = time.monotonic() + CREATED_S_MAX
        while (told := cloudformation.describe_stacks(StackName=stack)["Stacks"][0])["StackStatus"].endswith(
            "IN_PROGRESS"
        ) and time.monotonic() < deadline:
            time.sleep(0.1)
        for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
            for each in page["StackResourceSummaries"]:
                if each["ResourceStatus"] == "CREATE_COMPLETE":
                    ids[each["LogicalResourceId"]] = each.get("PhysicalResourceId", "")
    except (ClientError, ResponseParserError) as fault:  # the second: an answer that is a page about a crash
        return [str(fault)[:300]]
    status = told["StackStatus"]
    if status == "CREATE_COMPLETE":
        return []
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    failed = [each for each in events if each["ResourceStatus"].endswith("FAILED")]
    reasons = [f"{each['LogicalResourceId']}: {each.get('ResourceStatusReason', '')[:200]}" for each in failed]
    return [status, *reasons]


def _missing(client: Client, kind: str, wanted: Sequence[tuple[str, str | None]]) -> list[str]:
    """Return what was not created, and what its own service does not know again."""
    lacking = [place for place, id_ in wanted if id_ is None]
    problems = [f"not created: {', '.join(lacking)}"] if lacking else []
    if kind in SEEN_BY:
        seen = {_bare(each) for each in SEEN_BY[kind](client)}
        problems += [
            f"{place} was created and is not found as {id_}" for place, id_ in wanted if id_ and _bare(id_) not in seen
        ]
    if any(id_ == "" for _, id_ in wanted):
        # moto gives some types no id: then there are as many as were asked for, or something is missing.
        count = COUNTED[kind](client) if kind in COUNTED else 0
        problems += [f"{count} stand of {len(wanted)}"] if count != len(wanted) else []
    return problems


def _bare(id_: str) -> str:
    """Return a queue's name out of its address, which has as many forms as there are hosts to ask."""
    return id_.rpartition("/")[2] if id_.startswith("http") else id_


def _made_after_all(client: Client, assembly: Assembly, kind: str, ids: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Try a type of the list by itself: it is taken from the list once the emulator makes it."""
    type_, _, name = kind.removeprefix("AWS::").partition("/")
    each = next(found for found in assembly.of(type_) if found.name.startswith(name))
    found: dict[str, str] = {}
    created(client, f"probe-{each.name}", alone(each.template, each.name, ids[each.template.stack]), found)
    return [f"it makes {each} now: take it from infra/check/unmade.py"] if each.name in found else []
