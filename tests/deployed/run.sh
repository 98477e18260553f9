#!/usr/bin/env bash
# The deployment, tested: builds every function as a user does, deploys the template to an emulator of AWS, and starts runs on
# simulated databases. Needs neither an account nor Docker. Installs what it needs, pinned, below the directory it is given.
#
#     tests/deployed/run.sh target/ci [ARGUMENTS OF PYTEST]
#
# The command that serves the simulator and starts the runs is built too, unless TRAPHEUS says where it is.
set -euo pipefail
cd "$(dirname "$0")/../.."

tools=$(realpath --canonicalize-missing "$1")
shift
here=tests/deployed
export AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0

environment() { # name, requirements
  [ -x "$tools/$1/bin/python" ] || python3 -m venv "$tools/$1"
  "$tools/$1/bin/pip" install --quiet --disable-pip-version-check --requirement "$2"
}

mkdir -p "$tools"
environment sam $here/requirements-sam.txt
environment emulator $here/requirements.txt

# Processes of this machine stand in for Lambda, so the functions are built for it; a deployment is for arm64 by default.
case $(uname -m) in aarch64 | arm64) architecture=arm64 ;; *) architecture=x86_64 ;; esac
# Not optimised across crates: that takes a minute of CPU for each of 27 functions, and changes their size alone.
CARGO_PROFILE_RELEASE_LTO=false PATH=$tools/sam/bin:$PATH VIRTUAL_ENV=$tools/sam sam build --build-dir "$tools/deployed/.aws-sam/build" \
  --parameter-overrides "Architecture=$architecture"
[ -n "${TRAPHEUS:-}" ] || cargo build --quiet

BUILT=$tools/deployed ARCHITECTURE=$architecture SAM=$tools/sam/bin/sam \
  TRAPHEUS=${TRAPHEUS:-${CARGO_TARGET_DIR:-target}/debug/trapheus} \
  exec "$tools/emulator/bin/python" -m pytest -p no:cacheprovider $here "$@"
