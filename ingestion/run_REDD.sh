#!/usr/bin/env bash
# Replays REDD for the day shifts A up to, not including, B:  run_REDD.sh A B [gridflex replay's options]
# The data set is --path DIR, else $GRIDFLEX_REDD_DIR.
set -euo pipefail
if [[ $# -lt 2 || ! $1 =~ ^[0-9]+$ || ! $2 =~ ^[0-9]+$ ]]; then
  echo "usage: $0 A B [--path DIR] [options of 'gridflex replay']   (day shifts from A up to, not including, B)" >&2
  exit 2
fi
first=$1 last=$2
shift 2
if [[ " $* " != *" --path"* ]]; then
  if [[ -z ${GRIDFLEX_REDD_DIR:-} ]]; then
    echo "error: no data set: give --path DIR or set GRIDFLEX_REDD_DIR" >&2
    exit 2
  fi
  set -- --path "$GRIDFLEX_REDD_DIR" "$@"
fi
exec "$(dirname "$0")/../.venv/bin/gridflex" replay redd --shifts "$first:$last" "$@"
