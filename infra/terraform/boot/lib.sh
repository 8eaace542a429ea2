# shellcheck shell=bash
# What all boot scripts share. Settings come from machine.env (user data) and node.env (S3); secrets from Secrets Manager.

readonly APP=/opt/gridflex/app
readonly STATE=/var/lib/gridflex
readonly SETTINGS=/etc/gridflex
readonly TLS=$SETTINGS/tls
readonly SECRETS=/run/gridflex/secrets.env

log() { printf '%s gridflex-boot %s\n' "$(date -u +%FT%TZ)" "$*"; }

fail() {
  log "error: $*" >&2
  exit 1
}

make_user() {
  id gridflex >/dev/null 2>&1 || useradd --system --home-dir "$STATE" --shell /sbin/nologin gridflex
  install -d -o gridflex -g gridflex -m 0750 "$STATE"
  install -d -m 0755 "$SETTINGS"
}

# The disk that has no partition, if there is one: the system's has.
empty_disk() {
  local disk
  for disk in $(lsblk --nodeps --noheadings --paths --output NAME --include 259,202); do
    if [ "$(lsblk --noheadings --output NAME "$disk" | wc -l)" = 1 ]; then
      echo "$disk"
      return
    fi
  done
}

# State that outlives the machine: the second disk, whatever name this kind of machine gives it.
mount_data_volume() {
  [ "${GRIDFLEX_DATA_VOLUME:-false}" = true ] || return 0
  mountpoint -q "$STATE" && return 0
  local disk
  for _ in $(seq 60); do
    disk=$(empty_disk)
    [ -n "$disk" ] && break
    sleep 2
  done
  [ -n "$disk" ] || fail "no data volume after 120 s: is it attached?"
  blkid "$disk" >/dev/null || mkfs.xfs -q "$disk"
  grep -q " $STATE " /etc/fstab || echo "UUID=$(blkid -s UUID -o value "$disk") $STATE xfs defaults,nofail 0 2" >>/etc/fstab
  mount "$STATE"
  chown gridflex:gridflex "$STATE"
}

fetch_settings() {
  aws s3 cp --only-show-errors "s3://$GRIDFLEX_ARTIFACTS/settings/common/config.ini" "$SETTINGS/config.ini"
  aws s3 cp --only-show-errors "s3://$GRIDFLEX_ARTIFACTS/settings/$GRIDFLEX_ROLE/node.env" "$SETTINGS/node.env"
  set -a
  # shellcheck source=/dev/null
  . "$SETTINGS/node.env"
  set +a
  export GRIDFLEX_CONFIG=$SETTINGS/config.ini GRIDFLEX_LAUNCHER_STATE_DIR=$STATE
}

install_packages() {
  dnf install -y -q python3.11 python3.11-pip java-17-amazon-corretto-headless openssl jq unzip tar gzip cronie \
    amazon-cloudwatch-agent
}

# One virtual environment for each lock file, created again only when the lock changed. $1: core, airflow or superset; $2:
# the unpacked release.
install_environment() {
  local name=$1 lock=$2/app/requirements/$1.txt
  local target=/opt/gridflex/venv-$name stamp
  stamp=$(sha256sum "$lock" | cut -d ' ' -f 1)
  [ "$(cat "$target/lock" 2>/dev/null || true)" = "$stamp" ] && return 0
  log "environment=$name lock=$stamp"
  rm -rf "$target"
  python3.11 -m venv "$target"
  "$target/bin/pip" install --quiet --disable-pip-version-check --requirement "$lock"
  echo "$stamp" >"$target/lock"
}

use_release() {
  chown -R root:root "$1"
  chmod -R go+rX "$1"
  ln -sfn "$1/app" "$APP.new"
  mv -T "$APP.new" "$APP"
}

forget_old_releases() {
  find /opt/gridflex -maxdepth 1 -name 'release.*' ! -path "$1" -mmin +60 -exec rm -rf {} +
}

gridflex() { (cd "$APP" && /opt/gridflex/venv-core/bin/python -c 'from gridflex.cli import main; main()' "$@"); }

# Half of a secret, without ever printing it: $1 ARN, $2 username or password.
secret() {
  aws secretsmanager get-secret-value --secret-id "$1" --query SecretString --output text | jq -er ".$2"
}

# Secrets live in memory alone, readable by root, who hands them to the services through systemd.
begin_secrets() {
  install -d -m 0700 /run/gridflex
  (umask 077 && : >"$SECRETS.new")
}

put_secret() {
  [ -n "$2" ] || fail "no secret for $1"
  printf '%s="%s"\n' "$1" "$2" >>"$SECRETS.new"
}

fetch_secrets() {
  begin_secrets
  local password
  password=$(openssl rand -hex 24)
  [ -f "$TLS/password" ] && password=$(cat "$TLS/password")
  put_secret GRIDFLEX_TLS_PASSWORD "$password"
  TLS_PASSWORD=$password
  if [ -n "${GRIDFLEX_KAFKA_SECRET:-}" ] && may_use_kafka; then
    put_secret GRIDFLEX_KAFKA_USERNAME "$(secret "$GRIDFLEX_KAFKA_SECRET" username)"
    put_secret GRIDFLEX_KAFKA_PASSWORD "$(secret "$GRIDFLEX_KAFKA_SECRET" password)"
  fi
  if [ -n "${GRIDFLEX_DRUID_SECRET:-}" ]; then
    put_secret GRIDFLEX_DRUID_USERNAME "$(secret "$GRIDFLEX_DRUID_SECRET" username)"
    put_secret GRIDFLEX_DRUID_PASSWORD "$(secret "$GRIDFLEX_DRUID_SECRET" password)"
  fi
  case $GRIDFLEX_ROLE in
    druid-zookeeper) ;;
    druid-*)
      put_secret DRUID_ADMIN_PASSWORD "$(secret "$GRIDFLEX_DRUID_ADMIN_SECRET" password)"
      put_secret DRUID_INTERNAL_PASSWORD "$(secret "$GRIDFLEX_DRUID_INTERNAL_SECRET" password)"
      put_secret DRUID_METADATA_PASSWORD "$(secret "$GRIDFLEX_DRUID_METADATA_SECRET" password)"
      ;;
    superset)
      put_secret GRIDFLEX_SUPERSET_SECRET_KEY "$(secret "$GRIDFLEX_SUPERSET_KEY_SECRET" password)"
      put_secret GRIDFLEX_SUPERSET_PASSWORD_ADMIN "$(secret "$GRIDFLEX_SUPERSET_ADMIN_SECRET" password)"
      ;;
    events)
      # NAME=ARN words; the token of check is also that with which this machine measures.
      for token in $GRIDFLEX_EVENTS_TOKEN_SECRETS; do
        put_secret "GRIDFLEX_EVENTS_TOKEN_${token%%=*}" "$(secret "${token#*=}" password)"
      done
      put_secret GRIDFLEX_EVENTS_TOKEN "$(secret "$GRIDFLEX_EVENTS_CHECK_SECRET" password)"
      put_secret GRIDFLEX_EVENTS_SERVICE_TOKEN "$(secret "$GRIDFLEX_EVENTS_SERVICE_SECRET" password)"
      if [ -n "${GRIDFLEX_OPENADR_SECRET:-}" ]; then put_openadr_secret; fi
      ;;
  esac
  mv "$SECRETS.new" "$SECRETS"
}

# A person puts it into Secrets Manager. Events are dispatched without it, too: only the VTN hears nothing.
put_openadr_secret() {
  local found
  found=$(secret "$GRIDFLEX_OPENADR_SECRET" password) || found=
  case $found in
    '') log "openadr=off reason=no password in $GRIDFLEX_OPENADR_SECRET" ;;
    # Systemd would read a quote, a backslash or a line's end as something else.
    *[!A-Za-z0-9._~+/=:-]*) log "openadr=off reason=signs in $GRIDFLEX_OPENADR_SECRET; allowed: A-Z a-z 0-9 . _ ~ + / = : -" ;;
    *) put_secret GRIDFLEX_OPENADR_CLIENT_SECRET "$found" ;;
  esac
}

# Machines of Druid share their settings; only those that read Kafka may read its secret.
may_use_kafka() {
  case $GRIDFLEX_ROLE in
    druid-coordinator | druid-middle-manager | airflow | events | replay | spark) return 0 ;;
    *) return 1 ;;
  esac
}

# A key that never leaves the machine, a certificate of six days from the deployment's own authority, renewed by a timer.
renew_certificate() {
  install -d -m 0755 "$TLS"
  (umask 077 && printf '%s' "$TLS_PASSWORD" >"$TLS/password")
  "$APP/infra/terraform/boot/certificate.sh"
  chown -R gridflex:gridflex "$TLS"
  write_unit gridflex-certificate.service "[Service]
Type=oneshot
EnvironmentFile=$SETTINGS/machine.env
EnvironmentFile=$SETTINGS/node.env
ExecStart=$APP/infra/terraform/boot/certificate.sh
ExecStartPost=/usr/bin/chown -R gridflex:gridflex $TLS"
  every gridflex-certificate 2d
}

write_unit() { printf '%s\n' "$2" >"/etc/systemd/system/$1"; }

# A timer for a unit: $1 its name, $2 the span.
every() {
  write_unit "$1.timer" "[Timer]
OnBootSec=5min
OnUnitActiveSec=$2
[Install]
WantedBy=timers.target"
  systemctl daemon-reload
  systemctl enable --now --quiet "$1.timer"
}

# What `gridflex deploy metrics $1` measures to CloudWatch, each minute.
send_metrics() {
  write_unit gridflex-metrics.service "[Service]
Type=oneshot
EnvironmentFile=$SETTINGS/machine.env
EnvironmentFile=$SETTINGS/node.env
EnvironmentFile=$SECRETS
Environment=GRIDFLEX_CONFIG=$SETTINGS/config.ini GRIDFLEX_LAUNCHER_STATE_DIR=$STATE
ExecStart=$APP/infra/terraform/boot/metrics.sh $1"
  every gridflex-metrics 1min
}

# Journals and disks to CloudWatch.
ship_logs() {
  install -d -o gridflex -g gridflex -m 0750 /var/log/gridflex
  write_unit gridflex-journal.service "[Unit]
Description=The services' journal as a file that the agent can follow
[Service]
ExecStart=/usr/bin/bash -c 'exec journalctl --follow --since now --output short-iso --unit \"gridflex-*\" >>/var/log/gridflex/services.log'
Restart=always
[Install]
WantedBy=multi-user.target"
  printf '/var/log/gridflex/*.log {\n size 100M\n rotate 3\n copytruncate\n missingok\n}\n' >/etc/logrotate.d/gridflex
  jq -n --arg group "$GRIDFLEX_LOG_GROUP" --arg node "$GRIDFLEX_NODE" --arg role "$GRIDFLEX_ROLE" \
    --arg space "Gridflex/$GRIDFLEX_SITE" '{
      logs: {logs_collected: {files: {collect_list: [
        {file_path: "/var/log/gridflex/services.log", log_group_name: $group, log_stream_name: $node}]}}},
      metrics: {namespace: $space, aggregation_dimensions: [["Role"]], metrics_collected: {disk: {
        measurement: ["used_percent"], resources: ["/", "/var/lib/gridflex"], append_dimensions: {Role: $role}}}}
    }' >"$SETTINGS/cloudwatch.json"
  systemctl daemon-reload
  systemctl enable --now --quiet gridflex-journal.service
  /opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -s -c "file:$SETTINGS/cloudwatch.json" \
    >/dev/null
}

# The official distribution, checked against the digest that its project publishes. $1 name, $2 address, $3 target.
install_distribution() {
  [ -e "$3/.complete-$1" ] && return 0
  local fetched
  fetched=$(mktemp -d /opt/fetch.XXXXXX)
  log "distribution=$1"
  curl --fail --silent --show-error --location --retry 5 --proto '=https' --output "$fetched/it.tar.gz" "$2"
  curl --fail --silent --show-error --location --retry 5 --proto '=https' --output "$fetched/it.sha512" "$2.sha512"
  # Apache writes the digest alone, with a file name, or spread over lines.
  local published actual
  published=$(tr -d ' \n' <"$fetched/it.sha512" | tr 'A-F' 'a-f' | grep -oE '[0-9a-f]{128}' | head -n 1)
  actual=$(sha512sum "$fetched/it.tar.gz" | cut -d ' ' -f 1)
  [ "$published" = "$actual" ] || fail "$1: digest is $actual, published is ${published:-unknown}"
  install -d "$3"
  tar -xzf "$fetched/it.tar.gz" -C "$3" --strip-components 1
  rm -rf "$fetched"
  touch "$3/.complete-$1"
}

# Render the role's files and (re)start its units; those of an older release that are no more are stopped.
start_units() {
  local units
  units=$(gridflex deploy render "$GRIDFLEX_ROLE" --hostname "$GRIDFLEX_HOSTNAME")
  chown -R gridflex:gridflex "$STATE"
  systemctl daemon-reload
  for unit in $units; do
    systemctl enable --quiet "$unit"
    systemctl restart "$unit"
  done
  UNITS=$units
}

# Wait until a command succeeds. $1: seconds; the rest: the command. Says at the end what it waited for.
wait_until() {
  local limit=$1 began=$SECONDS
  shift
  until "$@"; do
    [ $((SECONDS - began)) -lt "$limit" ] || fail "not within $limit s: $*"
    sleep 3
  done
}

units_run() {
  local unit
  for unit in $UNITS; do
    systemctl is-active --quiet "$unit" || return 1
  done
}
