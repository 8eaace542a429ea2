# shellcheck shell=bash
# Any machine of Druid: the official distribution, the role's processes, and no rest until they answer.

start_role() {
  install_distribution "druid-$GRIDFLEX_DRUID_VERSION" \
    "https://archive.apache.org/dist/druid/$GRIDFLEX_DRUID_VERSION/apache-druid-$GRIDFLEX_DRUID_VERSION-bin.tar.gz" \
    "/opt/druid-$GRIDFLEX_DRUID_VERSION"
  ln -sfn "/opt/druid-$GRIDFLEX_DRUID_VERSION" /opt/druid
  install -d -o gridflex -g gridflex "$STATE"/druid/{coordinator,broker,router,historical,middleManager}/tmp \
    "$STATE/druid/tasks" "$STATE/druid/segment-cache" "$STATE/zookeeper"
  start_units
  wait_until 300 units_run
  gridflex deploy health "$GRIDFLEX_ROLE" --hostname "$GRIDFLEX_HOSTNAME" >/run/gridflex/health
  while IFS=$'\t' read -r url contains body; do
    wait_until 600 answers "$url" "$contains" "$body"
    log "healthy=$url"
  done </run/gridflex/health
}

# $1 address, $2 what the answer contains, $3 what is posted. The password goes by a file, not by the list of processes.
answers() {
  local post=()
  [ -z "$3" ] || post=(--header 'Content-Type: application/json' --data "$3")
  local password
  password=$(sed -n 's/^DRUID_INTERNAL_PASSWORD="\(.*\)"$/\1/p' "$SECRETS")
  printf 'user = "druid_system:%s"\n' "$password" |
    curl --config - --silent --max-time 10 --cacert "$TLS/ca.pem" "${post[@]}" "$1" | grep -qF "$2"
}
