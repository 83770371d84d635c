"""Synthesis: environments in, templates in a folder out."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from infra.app import build
from infra.environments import Environment
from infra.templates import Template, read_templates


def synthesise(environments: Iterable[Environment], out: Path) -> list[Template]:
    """Write the templates of these environments into a folder of their own and return them."""
    shutil.rmtree(out, ignore_errors=True)
    app, _ = build(environments, out)
    app.synth()
    return read_templates(out)
