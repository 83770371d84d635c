"""Other people's tools over our templates: what they find, without what is allowed with a reason."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from infra.check.allowed import CHECKOV, LINT, NAG, Allowed

SECONDS_MAX: Final = 420
Finding = tuple[str, str, str]
"""Rule, resource, what it says."""


def unexplained(findings: Iterable[Finding], allowed: Sequence[Allowed]) -> list[str]:
    """Return findings that nobody allowed, and allowances that nobody needs."""
    used: set[int] = set()
    problems = []
    for rule, resource, text in findings:
        hit = [number for number, each in enumerate(allowed) if each.covers(rule, resource)]
        used.update(hit)
        if not hit:
            problems.append(f"{rule} {resource}: {text}")
    problems += [
        f"allowed and never found: {each.rule} {each.resources}"
        for number, each in enumerate(allowed)
        if number not in used
    ]
    return problems


def nag(names: Sequence[str], out: Path) -> list[str]:
    """Synthesise with the library's own rules as errors and with cdk-nag; return what is unexplained."""
    # A process of its own: the library tells every finding on its standard error, explained or not.
    command = [sys.executable, "-m", "infra.check.nagging", str(out), *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS_MAX)
    if done.returncode:
        raise RuntimeError(done.stderr[-1_000:])
    return unexplained(nag_findings(json.loads((out / "validation-report.json").read_text())), NAG)


def nag_findings(report: Any) -> Iterable[Finding]:
    """Yield what the plug-ins of a synthesis found; warnings of the library's own rules are cfn-lint's matter."""
    for plugin in report["pluginReports"]:
        for violation in plugin["violations"]:
            if violation.get("severity") == "warning":
                continue
            for where in violation.get("violatingConstructs") or violation.get("violatingResources") or [{}]:
                place = where.get("constructPath") or where.get("resourceLogicalId") or plugin["pluginName"]
                yield violation["ruleName"], place, violation["description"][:160]


def _tool(name: str, *arguments: str) -> str:
    command = [str(Path(sys.executable).with_name(name)), *arguments]
    # Checkov asks the network for guidance texts unless told not to; no tool here has a reason to ask anybody.
    environment = {**os.environ, "CHECKOV_RUN_SCA_PACKAGE_SCAN_V2": "false", "LOG_LEVEL": "ERROR"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS_MAX, env=environment)
    if not done.stdout.strip():
        raise RuntimeError(f"{name} said nothing: {done.stderr[-500:]}")
    return done.stdout


def lint_findings(folder: Path) -> list[Finding]:
    """Return what cfn-lint finds in every template of a folder."""
    paths = [str(each) for each in sorted(folder.glob("*.template.json"))]
    found = []
    for each in json.loads(_tool("cfn-lint", "--format", "json", *paths)):
        path = each["Location"]["Path"] or []
        resource = path[1] if len(path) > 1 and path[0] == "Resources" else ""
        stack = Path(each["Filename"]).name.removesuffix(".template.json")
        found.append((each["Rule"]["Id"], f"{stack}/{resource}", each["Message"]))
    return found


def lint(folder: Path) -> list[str]:
    """Return what cfn-lint finds and nobody explained."""
    return unexplained(lint_findings(folder), LINT)


def checkov(folder: Path) -> list[str]:
    """Return what checkov finds and nobody explained."""
    output = _tool(
        "checkov", "--framework", "cloudformation", "--skip-download", "--quiet", "--compact", "-o", "json",
        "-d", str(folder),
    )  # fmt: skip
    reports = json.loads(output)
    findings = [
        (check["check_id"], f"{Path(check['file_path']).name.removesuffix('.template.json')}/{check['resource']}",
         check["check_name"])
        for report in (reports if isinstance(reports, list) else [reports])
        for check in report["results"]["failed_checks"]
    ]  # fmt: skip
    return unexplained(findings, CHECKOV)
