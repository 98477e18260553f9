#!/usr/bin/env bash
# The deployment, tested: takes what is checked out, builds every function as a user does, deploys the template to an emulator
# of AWS, and starts runs on simulated databases. Needs neither an account nor Docker. Installs what it needs, pinned, below
# the directory it is given.
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
. tests/deployment/environment.sh

mkdir -p "$tools"
environment sam $here/requirements-sam.txt
environment emulator $here/requirements.txt

CARGO_TARGET_DIR=$(realpath --canonicalize-missing "${CARGO_TARGET_DIR:-target}")
export CARGO_TARGET_DIR
[ -n "${TRAPHEUS:-}" ] || cargo build --locked --quiet

# A clean clone, as far as the files go: nothing that only this checkout has gets into the deployment.
clone=$tools/clone
rm -rf "$clone"
mkdir "$clone"
git ls-files -z | xargs --null cp --parents --preserve=timestamps --target-directory "$clone"

# Processes of this machine stand in for Lambda, so the functions are built for it; a deployment is for arm64 by default.
case $(uname -m) in aarch64 | arm64) architecture=arm64 ;; *) architecture=x86_64 ;; esac
# Not optimised: that takes a minute of CPU for each function, and changes their size and speed alone.
(
  cd "$clone"
  export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=256
  log=$tools/sam-build.log
  PATH=$tools/sam/bin:$PATH VIRTUAL_ENV=$tools/sam sam build --parameter-overrides "Architecture=$architecture" >"$log" 2>&1 ||
    { cat "$log"; exit 1; }
)
# SAM has no way to pass --locked on.
cmp Cargo.lock "$clone/Cargo.lock"

CLONE=$clone ARCHITECTURE=$architecture SAM=$tools/sam/bin/sam TRAPHEUS=${TRAPHEUS:-$CARGO_TARGET_DIR/debug/trapheus} \
  exec "$tools/emulator/bin/python" -m pytest --quiet -p no:cacheprovider $here "$@"
