#!/usr/bin/env bash
# Checks the template, its expanded form for CloudFormation, and the proof of its permissions. Needs neither an account nor the
# functions' binaries. Installs its tools, pinned, below the given directory.
#
#     tests/deployment/lint.sh target/ci [REQUESTS.jsonl]
#
# With a recording of the functions' requests, the script also proves the permissions.
set -euo pipefail
cd "$(dirname "$0")/../.."

tools=$(realpath --canonicalize-missing "$1")
here=tests/deployment
expanded=$tools/expanded.json
export AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0
. $here/environment.sh

mkdir -p "$tools"
environment deployment $here/requirements.txt
environment scan $here/requirements-scan.txt
npm ci --silent --no-fund --no-audit --prefix $here/permissions

"$tools/deployment/bin/sam" validate --lint
"$tools/deployment/bin/python" -m pytest --quiet $here
"$tools/deployment/bin/python" $here/expand.py "$expanded"
"$tools/deployment/bin/cfn-lint" "$expanded"
"$tools/scan/bin/checkov" --file "$expanded" --framework cloudformation --compact --quiet --skip-download
EXPANDED=$expanded node --test --test-reporter=dot $here/permissions/proof.test.mjs
[ $# -lt 2 ] || node $here/permissions/prove.mjs "$expanded" "$2"
