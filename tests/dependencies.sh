#!/usr/bin/env bash
# Checks the dependencies against deny.toml: licences, duplicate and banned crates, sources, and known vulnerabilities.
#
#     tests/dependencies.sh target/ci
#
# The database of vulnerabilities is a repository on GitHub. If it cannot be fetched, the script checks everything else, and the
# output says so. Installs cargo-deny, pinned, below the given directory.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=$(realpath --canonicalize-missing "$1")
. tests/deployment/environment.sh
mkdir -p "$tools"
environment dependencies tests/requirements-dependencies.txt

deny() {
  PATH=$tools/dependencies/bin:$PATH cargo deny --locked "$@"
}

deny check --hide-inclusion-graph --deny unmatched-skip licenses bans sources
if GIT_TERMINAL_PROMPT=0 timeout 120 "$tools/dependencies/bin/cargo-deny" --locked fetch db 2>"$tools/advisories.log"; then
  deny check --disable-fetch --hide-inclusion-graph advisories
else
  grep '^fatal: ' "$tools/advisories.log" || true
  echo 'advisories NOT CHECKED: the database https://github.com/RustSec/advisory-db cannot be fetched from here'
fi
