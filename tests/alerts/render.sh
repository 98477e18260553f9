#!/usr/bin/env bash
# Shows the checked-in alerts in a headless Chromium, narrow and wide, light and dark. Fails if one does not fit.
#
#     tests/alerts/render.sh target/ci/alerts
#
# The pictures stay in that folder. Needs Chromium: `apt-get install chromium`, or its path in CHROMIUM.
set -euo pipefail
cd "$(dirname "$0")/../.."

npm ci --silent --no-fund --no-audit --prefix tests/alerts
node tests/alerts/show.mjs "$1" tests/golden/alerts/*.html crates/alert/tests/golden/*.html
