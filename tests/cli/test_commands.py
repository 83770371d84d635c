"""Every command explains itself and refuses with a way on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import openbourse
from openbourse.cli.app import app
from openbourse.roles import EDGE_ROLES, ROLES

runner = CliRunner()


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["up"],
        ["run"],
        ["roles"],
        ["migrate"],
        ["replay"],
        ["account"],
        ["account", "create"],
        ["instrument"],
        ["archive"],
        ["archive", "restore"],
        ["report"],
        ["cost"],
        ["secrets"],
        ["secrets", "wrap"],
        ["withdrawal"],
        ["withdrawal", "settle"],
    ],
)
def test_help_is_everywhere(command: list[str]) -> None:
    result = runner.invoke(app, [*command, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.stdout


def test_a_secret_that_cannot_be_had_is_named_before_anything_else(tmp_path: Path) -> None:
    def roles(reference: str) -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, "OPENBOURSE_METRICS_TOKEN": reference}
        words = [sys.executable, "-m", "openbourse", "roles"]
        return subprocess.run(words, capture_output=True, text=True, timeout=60, env=environment, check=False)

    (tmp_path / "token").write_text("hush")
    assert roles(f"file:{tmp_path / 'token'}").returncode == 0
    done = roles(f"file:{tmp_path / 'none'}")
    assert done.returncode == 1
    assert "OPENBOURSE_METRICS_TOKEN" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("reached", ["openbourse.adapters.secrets_references", "openbourse.cli.up"])
def test_ctrl_c_before_a_command_has_begun_ends_it_without_a_traceback(reached: str, tmp_path: Path) -> None:
    program = (
        "import os, signal, sys\n"
        # A shell that runs this in the background has it ignored, and children inherit that.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "class Interrupter:\n"
        "    def find_spec(self, name, *rest):\n"
        f"        if name == {reached!r}: os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupter())\n"
        f"sys.argv = ['openbourse', 'up', '--data', {str(tmp_path / 'data')!r}]\n"
        "from openbourse.__main__ import main\n"
        "main()\n"
    )
    words = [sys.executable, "-c", program]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (1, 130)
    assert "Traceback" not in done.stderr


def test_up_without_a_directory_it_may_make_says_so_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = runner.invoke(app, ["up", "--data", str(tmp_path / "file" / "data")])
    assert result.exit_code == 1
    assert "Name a directory that you may write to with --data DIR." in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("host", ["300.1.1.1", "192.0.2.1"])
def test_up_on_an_address_of_no_machine_asks_for_another_address(host: str, tmp_path: Path) -> None:
    result = runner.invoke(app, ["up", "--data", str(tmp_path / "data"), "--host", host, "--port", "0"])
    assert result.exit_code == 1
    assert "--host ADDRESS" in result.stderr
    assert "--port" not in result.stderr


@pytest.mark.parametrize("option", ["--chart", "--page"])
def test_a_picture_for_a_directory_that_is_not_there_is_refused_in_a_line(option: str, tmp_path: Path) -> None:
    result = runner.invoke(app, ["cost", option, str(tmp_path / "none" / "file.svg")])
    assert result.exit_code == 2
    assert "There is no directory" in result.stderr
    assert not result.stdout


def test_bars_of_cost_fit_a_narrow_terminal() -> None:
    result = runner.invoke(app, ["cost"], env={"COLUMNS": "80"})
    lengths = {line.count("█") for line in result.stdout.splitlines() if "API Gateway for all" in line}
    assert len(lengths) == 3, "each bar has its own length"


def test_a_range_that_ends_before_it_begins_is_refused(tmp_path: Path) -> None:
    result = runner.invoke(app, ["archive", "fetch", str(tmp_path / "to"), "--from", "10", "--to", "1"])
    assert result.exit_code == 2
    assert "--to 1 is before --from 10" in result.stderr
    assert not (tmp_path / "to").exists()


def test_version() -> None:
    assert runner.invoke(app, ["--version"]).stdout.strip() == f"openbourse {openbourse.__version__}"


def test_roles_lists_each_role() -> None:
    shown = runner.invoke(app, ["roles"], env={"COLUMNS": "200"}).stdout
    assert all(role.name in shown for role in ROLES)
    assert set(EDGE_ROLES) <= {role.name for role in ROLES}


def test_an_unknown_role_is_answered_with_the_known_ones() -> None:
    result = runner.invoke(app, ["run", "gatway"])
    assert result.exit_code == 2
    assert "gateway" in result.stderr


def test_migrate_asks_for_the_databases() -> None:
    result = runner.invoke(app, ["migrate"], env={"OPENBOURSE_JOURNAL_URL": ""})
    assert result.exit_code == 2
    assert "OPENBOURSE_JOURNAL_URL" in result.stderr


def test_a_setting_that_cannot_be_understood_is_named() -> None:
    result = runner.invoke(app, ["up"], env={"OPENBOURSE_PORT": "many"})
    assert result.exit_code == 1
    assert "OPENBOURSE_PORT" in result.stderr
