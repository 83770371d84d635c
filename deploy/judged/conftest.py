"""Where the tools are."""

import os
import shutil
import subprocess
from collections.abc import Callable

import pytest

from deploy.stage import ROOT

BUILT = ROOT / "var" / "deploy" / "bin"
FROM_GO = {
    "helm": "helm.sh/helm/v3/cmd/helm@v3.22.0",
    "actionlint": "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12",
}
BUILD_S = 1_200

Judge = Callable[..., str]


@pytest.fixture(scope="session")
def judge() -> Judge:
    """Runs a tool from the repository's root; fails with what it prints when it finds anything."""

    def run(name: str, *words: str) -> str:
        done = subprocess.run([tool(name), *words], capture_output=True, text=True, timeout=300, check=False, cwd=ROOT)
        assert done.returncode == 0, f"{name} {' '.join(words)}\n{done.stdout[-6_000:]}{done.stderr[-6_000:]}"
        return done.stdout

    return run


def tool(name: str) -> str:
    """Return a tool's path. Fails where it is not and cannot be built."""
    for folder in (ROOT / ".venv-deploy" / "bin", BUILT):
        if (folder / name).exists():
            return str(folder / name)
    found = shutil.which(name)
    if found:
        return found
    assert name in FROM_GO, f"{name} is missing: make .venv-deploy/.ok"
    assert shutil.which("go"), f"{name} is missing, and so is Go, which would build it"
    BUILT.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "GOBIN": str(BUILT)}
    subprocess.run(["go", "install", FROM_GO[name]], check=True, timeout=BUILD_S, env=environment)
    return str(BUILT / name)
