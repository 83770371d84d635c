#!/opt/openbourse/current/bin/python
"""Have this instance take part as the fleet that /etc/openbourse/instance.env names: openbourse-join [--again].

Settings are fetched once, at the first start, and kept in /etc/openbourse (root's alone), with the master key. Logins
and token are named there, not told: a clock changes passwords, and what starts after that has to meet the new one. Each
process looks them up as it starts and keeps what it was told, so that no restart needs the cloud. `--again` fetches
settings and master key anew.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SETTINGS = Path("/etc/openbourse")
PREFIX = "OPENBOURSE_"
LOGINS = {"JOURNAL": ("JOURNAL_URL",), "DATABASE": ("DATABASE_URL", "READER_URL"), "VALKEY": ("VALKEY_URL",)}
AGENT_TEMPLATE = Path("/usr/local/lib/openbourse/cloudwatch-agent.json")
AGENT_FILE = Path("/opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.json")
AGENT = "amazon-cloudwatch-agent.service"


def read_instance(text: str) -> dict[str, str]:
    """Return the variables that user data wrote."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {name.strip(): value.strip() for name, _, value in pairs}


def fetch_settings(ssm: Any, path: str) -> dict[str, str]:
    """Return every parameter below a path by its last name."""
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path=path, Recursive=True, WithDecryption=True)
    return {each["Name"].rpartition("/")[2]: each["Value"] for page in pages for each in page["Parameters"]}


def with_login(url: str, login: str) -> str:
    """Return a URL with a login in it."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{login}@{parts.netloc}").geturl()


def reference(secret: str, part: str = "") -> str:
    """Return what stands for a secret, or a part of one, in a setting (openbourse/adapters/secrets_references.py)."""
    return f"${{secretsmanager:{secret}{part and '#'}{part}}}"


def needs_of(roles: str) -> set[str]:
    """Return what an instance's roles need, by the names that settings have; of no roles: everything."""
    from openbourse.roles import Need, role_named

    known = [role for role in map(role_named, roles.split()) if role is not None]
    return {need.name for role in known for need in role.needs} or {need.name for need in Need}


def compose(settings: Mapping[str, str], secret: Any, needs: set[str]) -> tuple[dict[str, str], str]:
    """Return the environment of the venue's processes, logins named in the URLs, and the master key ("" without one).

    What the roles do not need is left out: the instance may not read its secret. Each other one is asked for once all
    the same: where it cannot be had yet, or a setting is not there yet, the fleet is not started but tried again, for
    what is fetched once is never fetched by itself again. Raises ValueError for a setting that is missing.
    """
    if missing := sorted(url for need, urls in LOGINS.items() if need in needs for url in urls if url not in settings):
        raise ValueError(f"not there yet: {', '.join(missing)}")
    values = {name: value for name, value in settings.items() if not name.endswith("_SECRET")}
    for need, urls in LOGINS.items():
        named = settings.get(f"{need}_SECRET")
        if need not in needs:
            values = {name: value for name, value in values.items() if name not in urls}
        elif named:
            secret(named)
            login = ":" + reference(named)
            if need != "VALKEY":  # whose secret is a token, without a name
                login = f"{reference(named, 'username')}:{reference(named, 'password')}"
            values |= {url: with_login(values[url], login) for url in urls if url in values}
    has_key = "MASTER_KEY" in needs and "MASTER_KEY_SECRET" in settings
    master_key = secret(settings["MASTER_KEY_SECRET"]) if has_key else ""
    return {f"{PREFIX}{name}": value for name, value in values.items()}, master_key


def environment_file(values: Mapping[str, str]) -> str:
    """Return the text of a systemd environment file. Raises ValueError for what such a file cannot hold."""
    for name, value in values.items():
        if "\n" in value or not name.isidentifier():
            raise ValueError(f"{name} has a line break, or is no name of a variable")
    quoted = {name: value.replace("\\", "\\\\").replace('"', '\\"') for name, value in values.items()}
    return "".join(f'{name}="{value}"\n' for name, value in sorted(quoted.items()))


def write_private(path: Path, text: str) -> None:
    """Replace a file that is its owner's alone."""
    partial = path.with_name(path.name + ".new")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def fetch(instance: Mapping[str, str], folder: Path, address: str) -> None:
    """Fetch settings and secrets and keep them."""
    import boto3

    region = instance.get("AWS_REGION") or None
    vault = boto3.client("secretsmanager", region_name=region)
    settings = fetch_settings(boto3.client("ssm", region_name=region), instance[f"{PREFIX}SETTINGS_PATH"])
    needs = needs_of(instance.get(f"{PREFIX}ROLES", ""))
    values, master_key = compose(settings, lambda name: vault.get_secret_value(SecretId=name)["SecretString"], needs)
    # Others reach this instance by its own address; which processes listen at all is the fleet's matter.
    values |= {f"{PREFIX}HOST": "0.0.0.0", f"{PREFIX}INTAKE_HOST": address}
    if master_key:
        write_private(folder / "master.key", master_key.strip() + "\n")
    # Last: it says that all is there.
    write_private(folder / "venue.env", environment_file({**values, **instance}))


def agent_configuration(template: str, log_group: str) -> str:
    """Return the CloudWatch agent's configuration: every file goes to the one group that this fleet may write to."""
    told = json.loads(template)
    for each in told["logs"]["logs_collected"]["files"]["collect_list"]:
        each["log_group_name"] = log_group
    return json.dumps(told, indent=2) + "\n"


def start_agent(log_group: str) -> None:
    """Have the agent read the venue's lines, where it is installed."""
    known = subprocess.run(["systemctl", "cat", AGENT], capture_output=True, timeout=20, check=False)
    if known.returncode == 0:
        AGENT_FILE.parent.mkdir(parents=True, exist_ok=True)
        AGENT_FILE.write_text(agent_configuration(AGENT_TEMPLATE.read_text(), log_group))
        subprocess.run(["systemctl", "enable", "--quiet", "--now", "--no-block", AGENT], check=True, timeout=60)


def own_address() -> str:
    """Return the address that this instance's others know it by."""
    shown = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=True, timeout=10).stdout.split()
    return shown[0] if shown else "127.0.0.1"


def main() -> None:
    """Fetch what is missing, then start the fleet's processes."""
    instance = read_instance((SETTINGS / "instance.env").read_text())
    fleet = instance[f"{PREFIX}FLEET"]
    if not Path(f"/etc/systemd/system/openbourse-{fleet}@.service").exists():
        sys.exit(f"there is no fleet {fleet}")
    if "--again" in sys.argv or not (SETTINGS / "venue.env").exists():
        if f"{PREFIX}SETTINGS_PATH" not in instance:
            sys.exit("venue.env is missing, and instance.env says not where settings are")
        fetch(instance, SETTINGS, own_address())
    if "--again" not in sys.argv:
        if f"{PREFIX}LOG_GROUP" in instance:
            start_agent(instance[f"{PREFIX}LOG_GROUP"])
        command = ["systemctl", "enable", "--quiet", "--now", "--no-block", f"openbourse-{fleet}@1.service"]
        subprocess.run(command, check=True, timeout=60)


if __name__ == "__main__":
    main()
