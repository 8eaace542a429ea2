#!/usr/bin/env bash
# Brings a machine to the release that was unpacked at $1: environment, secrets, certificate, settings, services.
# Called at every start and for every upgrade (`systemctl start gridflex-boot`); safe to call again.
set -euo pipefail
release=$1
readonly release
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=infra/terraform/boot/lib.sh
. "$here/lib.sh"

log "role=$GRIDFLEX_ROLE node=$GRIDFLEX_NODE release=$release"
make_user
mount_data_volume
fetch_settings
install_packages
install_environment core "$release"
use_release "$release"
fetch_secrets
renew_certificate
ship_logs
# shellcheck source=/dev/null
. "$here/role-${GRIDFLEX_ROLE%%-*}.sh"
start_role
forget_old_releases "$release"
log "role=$GRIDFLEX_ROLE state=ready"
