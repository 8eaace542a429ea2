# shellcheck shell=bash
# Superset listens on the loopback, as on one machine; nginx ends TLS before it.

start_role() {
  install_environment superset "$(dirname "$(readlink -f "$APP")")"
  ln -sfn /opt/gridflex/venv-superset "$(readlink -f "$APP")/.venv-superset"
  # shellcheck source=infra/terraform/boot/web.sh
  . "$APP/infra/terraform/boot/web.sh"
  start_units
  wait_until 300 curl --fail --silent --output /dev/null http://127.0.0.1:8088/login/
  serve_web 8088 /login/
}
