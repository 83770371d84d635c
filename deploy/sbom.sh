#!/bin/sh
# Say what a release consists of: sbom.sh TOOLS ENVIRONMENT FILE. Python packages as installed, Rust crates as locked.
set -eu
tools=$1
environment=$2
file=$3
cd "$(dirname "$0")/.."
"$tools/bin/cyclonedx-py" environment --pyproject pyproject.toml --output-reproducible --output-format JSON --output-file "$file" "$environment"
python3 - native/Cargo.lock "$file" <<'PYTHON'
import json, sys, tomllib
from pathlib import Path
lock, file = Path(sys.argv[1]), Path(sys.argv[2])
told = json.loads(file.read_text())
for crate in tomllib.loads(lock.read_text())["package"]:
    reference = f"pkg:cargo/{crate['name']}@{crate['version']}"
    component = {"type": "library", "bom-ref": reference, "name": crate["name"], "version": crate["version"], "purl": reference}
    if "checksum" in crate:
        component["hashes"] = [{"alg": "SHA-256", "content": crate["checksum"]}]
    told["components"].append(component)
file.write_text(json.dumps(told, indent=2, sort_keys=True) + "\n")
print(f"{file}: {len(told['components'])} components")
PYTHON
