#!/bin/sh
# Check that this machine has what the build needs, or say in one line what to install.
# `tools.sh python` prints the Python to use. Each candidate is run: a shim may answer and still be no Python.
set -u

python() {
    for candidate in python3.11 python3.12 python3.13 python3.14 python3; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

missing() {
    echo "openbourse needs $1. Install it: $2" >&2
    exit 1
}

found=$(python) || missing "Python 3.11 or later with venv" "apt install python3 python3-venv   (or https://www.python.org/downloads)"
if [ "${1:-}" = python ]; then
    echo "$found"
    exit 0
fi
cargo --version >/dev/null 2>&1 || missing "a Rust toolchain (cargo)" "https://rustup.rs"
command -v cc >/dev/null 2>&1 || missing "a C linker (cc)" "apt install gcc libc6-dev"
node --version >/dev/null 2>&1 || missing "Node.js 20 or later" "apt install nodejs npm   (or https://nodejs.org)"
npm --version >/dev/null 2>&1 || missing "npm" "apt install npm   (or https://nodejs.org)"
