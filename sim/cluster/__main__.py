"""`python -m sim.cluster`: see run.py."""

import sys

from sim.cluster.run import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
