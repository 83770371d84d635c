#!/bin/sh
# Install one release beside those that are there: install-release.sh VERSION SOURCE. Starts nothing, switches nothing.
#
# SOURCE holds openbourse-*.whl, aws.lock, web/ and SHA256SUMS of the wheel. Every package is pinned by hash.
set -eu
version=$1
source=$2
home=/opt/openbourse
release=$home/releases/$version
case $version in *[!A-Za-z0-9._-]* | "" | .*) echo "not a version: $version" >&2; exit 2 ;; esac
if [ -e "$release/complete" ]; then
    echo "$version is installed already"
    exit 0
fi
(cd "$source" && sha256sum --check --strict --quiet SHA256SUMS)
mkdir -p "$home/releases"
rm -rf "$release"
# Made where it stays: its programs name their Python by this path, so a running process never sees a later release.
python3 -m venv "$release"
"$release/bin/pip" install --quiet --no-cache-dir --only-binary :all: --require-hashes -r "$source/aws.lock"
"$release/bin/pip" install --quiet --no-cache-dir --no-deps "$source"/openbourse-*.whl
mkdir -p "$release/share/openbourse"
cp -R "$source/web" "$release/share/openbourse/web"
"$release/bin/python" -m compileall -q "$release/lib" || true # a few packages carry files for later Pythons
chown -R root:root "$release"
chmod -R go-w,a+rX "$release"
"$release/bin/openbourse" --version
touch "$release/complete"
