# shellcheck shell=bash
# Airflow, and what is done once for the platform: topics, ACLs, supervisors, metrics.

readonly KAFKA_VERSION=3.9.1 IAM_VERSION=2.3.2

start_role() {
  install_environment airflow "$(dirname "$(readlink -f "$APP")")"
  ln -sfn /opt/gridflex/venv-airflow "$(readlink -f "$APP")/.venv-airflow"
  # shellcheck source=infra/terraform/boot/web.sh
  . "$APP/infra/terraform/boot/web.sh"
  start_units
  wait_until 300 curl --fail --silent --output /dev/null http://127.0.0.1:8080/api/v2/monitor/health
  serve_web 8080 /login/
  make_topics
  make_druid_users
  submit_supervisors
  send_metrics druid
}

# Topics and ACLs by Kafka's own tools, signed in by this machine's IAM role.
make_topics() {
  install_distribution "kafka-$KAFKA_VERSION" \
    "https://archive.apache.org/dist/kafka/$KAFKA_VERSION/kafka_2.13-$KAFKA_VERSION.tgz" /opt/kafka
  local jar=/opt/kafka/libs/aws-msk-iam-auth-$IAM_VERSION-all.jar
  local address=https://repo1.maven.org/maven2/software/amazon/msk/aws-msk-iam-auth/$IAM_VERSION/aws-msk-iam-auth-$IAM_VERSION-all.jar
  if [ ! -f "$jar" ]; then
    curl --fail --silent --show-error --retry 5 --proto '=https' --output "$jar.new" "$address"
    [ "$(sha1sum "$jar.new" | cut -d ' ' -f 1)" = "$(curl --fail --silent --show-error "$address.sha1")" ] ||
      fail "aws-msk-iam-auth: digest differs from the published one"
    mv "$jar.new" "$jar"
  fi
  cat >"$SETTINGS/kafka-admin.properties" <<'PROPERTIES'
security.protocol=SASL_SSL
sasl.mechanism=AWS_MSK_IAM
sasl.jaas.config=software.amazon.msk.auth.iam.IAMLoginModule required;
sasl.client.callback.handler.class=software.amazon.msk.auth.iam.IAMClientCallbackHandler
PROPERTIES
  each_call kafka-topics topics
  each_call kafka-acls acls
}

# $1: Kafka's tool; $2: whose lines of arguments `gridflex deploy kafka-access` prints.
each_call() {
  gridflex deploy kafka-access "$2" >/run/gridflex/calls
  while read -r line; do
    # The lines are quoted for a shell.
    local words=()
    eval "words=($line)"
    "/opt/kafka/bin/$1.sh" --bootstrap-server "$GRIDFLEX_KAFKA_ADMIN_SERVERS" \
      --command-config "$SETTINGS/kafka-admin.properties" "${words[@]}" </dev/null
  done </run/gridflex/calls
}

# Druid's users and what each may do; their passwords reach the program by its environment alone.
make_druid_users() {
  GRIDFLEX_DRUID_ADMIN_PASSWORD=$(secret "$GRIDFLEX_DRUID_ADMIN_SECRET" password)
  GRIDFLEX_DRUID_BATCH_PASSWORD=$(secret "$GRIDFLEX_DRUID_SECRET" password)
  GRIDFLEX_DRUID_SUPERSET_PASSWORD=$(secret "$GRIDFLEX_DRUID_SUPERSET_SECRET" password)
  GRIDFLEX_DRUID_EVENTS_PASSWORD=$(secret "$GRIDFLEX_DRUID_EVENTS_SECRET" password)
  export GRIDFLEX_DRUID_ADMIN_PASSWORD GRIDFLEX_DRUID_BATCH_PASSWORD GRIDFLEX_DRUID_SUPERSET_PASSWORD \
    GRIDFLEX_DRUID_EVENTS_PASSWORD
  wait_until 900 gridflex deploy druid-users
  unset GRIDFLEX_DRUID_ADMIN_PASSWORD GRIDFLEX_DRUID_BATCH_PASSWORD GRIDFLEX_DRUID_SUPERSET_PASSWORD \
    GRIDFLEX_DRUID_EVENTS_PASSWORD
}

# The streams' supervisors and every table, as the user of batch jobs; an unchanged supervisor is left alone.
submit_supervisors() {
  GRIDFLEX_DRUID_USERNAME=$(secret "$GRIDFLEX_DRUID_SECRET" username)
  GRIDFLEX_DRUID_PASSWORD=$(secret "$GRIDFLEX_DRUID_SECRET" password)
  export GRIDFLEX_DRUID_USERNAME GRIDFLEX_DRUID_PASSWORD
  wait_until 900 gridflex deploy supervisors
  unset GRIDFLEX_DRUID_USERNAME GRIDFLEX_DRUID_PASSWORD
}
