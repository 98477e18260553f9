#!/usr/bin/env bash
# Tests the deployment: builds every function of the checkout as a user does, and deploys the template to an emulator of AWS.
# Then starts runs on simulated databases. Needs neither an account nor Docker. Installs its tools, pinned, below the given
# directory.
#
#     tests/deployed/run.sh target/ci [ARGUMENTS OF PYTEST]
#
# The command `trapheus` serves the simulator and starts the runs. It is built too, unless TRAPHEUS has its path.
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

# A clean clone: the deployment contains no file that git does not track.
clone=$tools/clone
rm -rf "$clone"
mkdir "$clone"
git ls-files -z | xargs --null cp --parents --preserve=timestamps --target-directory "$clone"

# The functions run as processes of this machine, so they are built for it. A deployment is for arm64 by default.
case $(uname -m) in aarch64 | arm64) architecture=arm64 ;; *) architecture=x86_64 ;; esac
# Not optimised: optimisation takes a minute of CPU for each function, and changes only size and speed.
(
  cd "$clone"
  export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=256
  log=$tools/sam-build.log
  PATH=$tools/sam/bin:$PATH VIRTUAL_ENV=$tools/sam sam build --parameter-overrides "Architecture=$architecture" >"$log" 2>&1 ||
    { cat "$log"; exit 1; }
)
# SAM cannot pass --locked to cargo.
cmp Cargo.lock "$clone/Cargo.lock"

CLONE=$clone ARCHITECTURE=$architecture SAM=$tools/sam/bin/sam TRAPHEUS=${TRAPHEUS:-$CARGO_TARGET_DIR/debug/trapheus} \
  exec "$tools/emulator/bin/python" -m pytest --quiet -p no:cacheprovider $here "$@"
