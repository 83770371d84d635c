"""The command that edges are sent after a rotation does, in a shell, what the automation counts on."""

import os
import subprocess
from pathlib import Path

import pytest

from infra.check.assembly import Assembly
from infra.check.assertions import assembly_of
from infra.environments import PRODUCTION
from infra.recorded import recorded

SYSTEMCTL = """\
#!/bin/sh
echo "$*" >> "$CALLS"
case $1 in
    list-units) printf '%s loaded active running what it is\\n' openbourse-gateway@1.service openbourse-gateway@2.service ;;
    restart) [ "$2" != "$BROKEN" ] ;;
esac
"""


@pytest.fixture(scope="module")
def command() -> str:
    assembly: Assembly = assembly_of(PRODUCTION, recorded())
    [document] = [each for each in assembly.of("SSM::Document") if each.properties["DocumentType"] == "Command"]
    [step] = document.properties["Content"]["mainSteps"]
    return "\n".join(step["inputs"]["runCommand"])


def run(command: str, folder: Path, broken: str = "") -> tuple[int, list[str]]:
    (folder / "instance.env").write_text("OPENBOURSE_FLEET=gateway\nOPENBOURSE_ROLES=gateway monitor\n")
    for name, text in {"systemctl": SYSTEMCTL, "sleep": '#!/bin/sh\necho "sleep $*" >> "$CALLS"\n'}.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    calls = folder / "calls"
    own = {"PATH": f"{folder}:{os.environ['PATH']}", "CALLS": str(calls), "BROKEN": broken}
    text = command.replace("/etc/openbourse", str(folder))
    done = subprocess.run(["sh", "-c", text], env=own, timeout=20, check=False, capture_output=True)
    return done.returncode, calls.read_text().splitlines()


def test_each_process_of_the_fleet_is_restarted_and_waited_for(command: str, tmp_path: Path) -> None:
    code, calls = run(command, tmp_path)
    assert code == 0
    assert calls[0].endswith("--state=active openbourse-gateway@*.service")
    assert calls[1:] == [
        "restart openbourse-gateway@1.service", "sleep 12", "restart openbourse-gateway@2.service", "sleep 12",
    ]  # fmt: skip


def test_what_does_not_start_ends_the_command_with_a_fault(command: str, tmp_path: Path) -> None:
    code, calls = run(command, tmp_path, "openbourse-gateway@1.service")
    assert code != 0
    assert calls[-1] == "restart openbourse-gateway@1.service"
