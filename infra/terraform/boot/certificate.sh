#!/usr/bin/env bash
# A new certificate for this machine's key, as PEM for nginx and PKCS12 for Java, and what is trusted.
set -euo pipefail
umask 077
tls=/etc/gridflex/tls
cd "$tls"
password=$(cat password)

[ -f machine.key ] || openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out machine.key 2>/dev/null
names=DNS:$GRIDFLEX_HOSTNAME
for name in ${GRIDFLEX_CERTIFICATES:-}; do names=$names,DNS:$name; done
openssl req -new -key machine.key -subj "/CN=$GRIDFLEX_HOSTNAME" -addext "subjectAltName=$names" -out machine.csr

arn=$(aws acm-pca issue-certificate --certificate-authority-arn "$GRIDFLEX_CA_ARN" --csr fileb://machine.csr \
  --template-arn arn:aws:acm-pca:::template/EndEntityCertificate/V1 \
  --signing-algorithm SHA256WITHRSA --validity Value=6,Type=DAYS --query CertificateArn --output text)
aws acm-pca wait certificate-issued --certificate-authority-arn "$GRIDFLEX_CA_ARN" --certificate-arn "$arn"
aws acm-pca get-certificate --certificate-authority-arn "$GRIDFLEX_CA_ARN" --certificate-arn "$arn" \
  --query Certificate --output text >machine.pem.new
aws acm-pca get-certificate-authority-certificate --certificate-authority-arn "$GRIDFLEX_CA_ARN" \
  --query Certificate --output text >ca.pem
curl --fail --silent --show-error --retry 5 --proto '=https' --output rds.pem \
  "https://truststore.pki.rds.amazonaws.com/$AWS_DEFAULT_REGION/$AWS_DEFAULT_REGION-bundle.pem"

openssl verify -CAfile ca.pem machine.pem.new >/dev/null
openssl pkcs12 -export -name machine -inkey machine.key -in machine.pem.new -certfile ca.pem \
  -passout "pass:$password" -out machine.p12.new
rm -f trust.p12.new
keytool -importcert -noprompt -alias gridflex -file ca.pem -keystore trust.p12.new -storetype PKCS12 \
  -storepass:file password
for file in machine.pem machine.p12 trust.p12; do mv "$file.new" "$file"; done
chmod 0644 ca.pem rds.pem machine.pem
rm -f machine.csr
if systemctl is-active --quiet nginx; then systemctl reload nginx; fi
