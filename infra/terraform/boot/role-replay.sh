# shellcheck shell=bash
# Data sets come from their bucket; each replay is a unit and goes on where it stopped.

start_role() {
  install -d -o gridflex -g gridflex "$STATE/data-sets"
  aws s3 sync --only-show-errors "s3://$GRIDFLEX_DATA_SETS" "$STATE/data-sets"
  start_units
  wait_until 60 units_run
}
