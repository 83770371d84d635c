#!/bin/sh
# Write the lock files anew: hashes for every platform and no registry's address in them (a test looks).
set -eu
cd "$(dirname "$0")/.."
uv=".venv/bin/uv --system-certs"
options="--universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet"
# shellcheck disable=SC2086
$uv pip compile requirements/bootstrap.in $options "$@" -o requirements/bootstrap.lock
# shellcheck disable=SC2086
$uv pip compile pyproject.toml --group build $options "$@" -o requirements/run.lock
# shellcheck disable=SC2086
$uv pip compile pyproject.toml --group build --extra aws -c requirements/run.lock $options "$@" -o requirements/aws.lock
# shellcheck disable=SC2086
$uv pip compile pyproject.toml --group build --group dev --extra aws -c requirements/aws.lock $options "$@" -o requirements/dev.lock
# shellcheck disable=SC2086
$uv pip compile requirements/infra.in $options "$@" -o requirements/infra.lock
# shellcheck disable=SC2086
$uv pip compile requirements/ministack.in $options "$@" -o requirements/ministack.lock
# shellcheck disable=SC2086
$uv pip compile requirements/deploy.in $options "$@" -o requirements/deploy.lock
# shellcheck disable=SC2086
$uv pip compile requirements/release.in $options "$@" -o requirements/release.lock
# Published clients and bots, each in an environment of its own.
for each in requirements/clients/*.in requirements/bots/*.in; do
  [ -f "$each" ] || continue
  # shellcheck disable=SC2086
  $uv pip compile "$each" $options "$@" -o "${each%.in}.lock"
done
