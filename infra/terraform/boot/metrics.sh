#!/usr/bin/env bash
# Sends what `gridflex deploy metrics $1` measures. When nothing can be measured nothing is sent, and alarms go off.
set -euo pipefail
cd /opt/gridflex/app
found=$(/opt/gridflex/venv-core/bin/python -c 'from gridflex.cli import main; main()' deploy metrics "$1")
[ "$found" != "[]" ] || exit 0
aws cloudwatch put-metric-data --namespace "Gridflex/$GRIDFLEX_SITE" --metric-data "$found"
