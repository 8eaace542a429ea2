# shellcheck shell=bash
# The events service listens on the loopback, as on one machine; nginx ends TLS before it. It is healthy once the Airflow
# machine has made Kafka's topics. Its body is limited by the service itself (events.max_body_kb, at most 15 MB).

start_role() {
  # shellcheck source=infra/terraform/boot/web.sh
  . "$APP/infra/terraform/boot/web.sh"
  start_units
  wait_until 900 curl --fail --silent --output /dev/null http://127.0.0.1:8070/health
  serve_web 8070 /health 'client_max_body_size 15m; client_body_timeout 20s;'
  send_metrics events
}
