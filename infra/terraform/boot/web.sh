# shellcheck shell=bash
# nginx before a server on the loopback. $1: its port, $2: a page that it answers, $3: further directives.

serve_web() {
  dnf install -y -q nginx
  cat >/etc/nginx/conf.d/gridflex.conf <<NGINX
server {
  listen 443 ssl;
  server_name $GRIDFLEX_PUBLIC_NAME;
  ssl_certificate $TLS/machine.pem;
  ssl_certificate_key $TLS/machine.key;
  ssl_protocols TLSv1.2 TLSv1.3;
  add_header Strict-Transport-Security "max-age=31536000" always;
  ${3:-}
  location / {
    proxy_pass http://127.0.0.1:$1;
    proxy_http_version 1.1;
    proxy_set_header Host \$host;
    proxy_set_header X-Forwarded-Proto https;
    proxy_set_header X-Forwarded-For \$remote_addr;
    proxy_set_header Upgrade \$http_upgrade;
    proxy_set_header Connection \$connection_upgrade;
    proxy_read_timeout 300s;
  }
}
map \$http_upgrade \$connection_upgrade { default upgrade; '' close; }
NGINX
  nginx -t -q
  systemctl enable --quiet nginx
  systemctl restart nginx
  wait_until 60 curl --fail --silent --output /dev/null --cacert "$TLS/ca.pem" \
    --resolve "$GRIDFLEX_PUBLIC_NAME:443:127.0.0.1" "https://$GRIDFLEX_PUBLIC_NAME$2"
}
