"""The image's recipe, as far as it can be read; `make deploy-check` runs it."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from deploy.stage import ROOT, copy, write_sums
from deploy.units import LOG
from infra.plan import RDS_CA
from infra.recorded import recorded

IMAGE = ROOT / "deploy" / "image"


@pytest.mark.parametrize("script", sorted(IMAGE.glob("*.sh")), ids=lambda path: path.name)
def test_scripts_are_sound(script: Path) -> None:
    done = subprocess.run(["sh", "-n", str(script)], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    assert "set -eu" in script.read_text()


def test_the_agent_reads_the_file_that_the_units_write() -> None:
    told = json.loads((IMAGE / "cloudwatch-agent.json").read_text())
    [read] = told["logs"]["logs_collected"]["files"]["collect_list"]
    assert read["file_path"] == f"{LOG}/venue.log"
    # Group and age are the stack's matter (infra/): a fleet may write to its own group and set no group's age.
    assert not {"log_group_name", "retention_in_days"} & set(read)
    assert f"{LOG}/venue.log" in (IMAGE / "logrotate.conf").read_text()


def test_the_image_has_the_authorities_where_the_database_urls_name_them() -> None:
    assert f'"$OPENBOURSE_RDS_CA" {RDS_CA}\n' in (IMAGE / "provision.sh").read_text()
    assert "OPENBOURSE_RDS_CA_SHA256=${var.rds_ca_sha256}" in (IMAGE / "openbourse.pkr.hcl").read_text()


def test_the_image_has_the_agent_of_the_only_shell() -> None:
    """No port is open and Debian brings no such agent: without it neither Packer nor an operator gets in."""
    text = (IMAGE / "openbourse.pkr.hcl").read_text()
    assert "session_manager" in text
    [user_data] = re.findall(r"user_data += <<-END\n(.*?)\n +END\n", text, re.DOTALL)
    assert "/debian_arm64/amazon-ssm-agent.deb" in user_data
    assert "${var.shell_agent_sha256}  /tmp/shell-agent.deb" in user_data
    assert user_data.index("sha256sum --check --strict") < user_data.index("dpkg --install /tmp/shell-agent.deb")
    allowed = {
        tuple(statement["Action"])
        for each in recorded()
        for body in each.resources.values()
        for policy in body.get("Properties", {}).get("Policies", [])
        for statement in policy["PolicyDocument"]["Statement"]
        if statement.get("Sid") == "Shell"
    }
    [actions] = allowed
    assert all(f'"{action}"' in text for action in actions), "Packer's own instance may what the fleets may"


def test_clocks_are_set_by_what_a_fleet_may_reach() -> None:
    """A sequencer leads by its clock, and fleets may send nothing out but TCP to 443: Debian's time servers are not reached."""
    assert '"$image/amazon.sources" /etc/chrony/sources.d/amazon.sources' in (IMAGE / "provision.sh").read_text()
    assert "server 169.254.169.123 " in (IMAGE / "amazon.sources").read_text()


def test_everything_that_the_recipe_installs_is_staged(tmp_path: Path) -> None:
    if not (ROOT / "web" / "dist").exists():
        pytest.skip("the page is not built")
    copy(tmp_path)
    (tmp_path / "openbourse-1-py3-none-any.whl").write_bytes(b"wheel")
    write_sums(tmp_path)
    assert re.fullmatch(r"[0-9a-f]{64}  openbourse-1-py3-none-any.whl\n", (tmp_path / "SHA256SUMS").read_text())
    text = (IMAGE / "provision.sh").read_text() + (IMAGE / "install-release.sh").read_text()
    for name in re.findall(r'"\$image/([\w.-]+)"', text):
        assert (tmp_path / "image" / name).is_file()
    for name in ("aws.lock", "web/index.html", "units/openbourse.target"):
        assert (tmp_path / name).is_file()
    assert "--require-hashes" in text
