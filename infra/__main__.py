"""`python -m infra`: write the templates of an environment; no network, no account."""

import argparse
import sys
from pathlib import Path

from infra.environments import ENVIRONMENTS
from infra.toolchain import use_own_node

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Synthesise what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m infra", description=__doc__)
    parser.add_argument("--environment", choices=[*ENVIRONMENTS, "all"], default="all")
    parser.add_argument("--out", type=Path, default=ROOT / "cdk.out")
    options = parser.parse_args()
    use_own_node()
    from infra.synthesis import synthesise  # loads the library, and with it Node

    names = list(ENVIRONMENTS) if options.environment == "all" else [options.environment]
    for template in synthesise([ENVIRONMENTS[name] for name in names], options.out):
        sys.stdout.write(f"{template.stack:34} {len(template.resources):4} resources  {template.size:6} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
