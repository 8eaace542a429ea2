#!/usr/bin/env bash
# Bootstrap action of every EMR machine: the release, its Python environment with Spark 4, and the connectors' jars.
# $1: the bucket of the release.
set -euo pipefail
artifacts=$1
sudo dnf install -y -q python3.11 python3.11-pip jq unzip
sudo install -d -m 0755 /opt/gridflex /etc/gridflex /var/lib/gridflex
fresh=$(mktemp -d)
aws s3 cp --only-show-errors "s3://$artifacts/release/gridflex.zip" "$fresh/gridflex.zip"
aws s3 cp --only-show-errors "s3://$artifacts/release/spark-jars.zip" "$fresh/spark-jars.zip"
sudo rm -rf /opt/gridflex/app
sudo unzip -q "$fresh/gridflex.zip" -d /opt/gridflex/app
sudo unzip -q "$fresh/spark-jars.zip" -d /opt/gridflex/app/build/stack/spark
sudo chmod -R go+rX /opt/gridflex
sudo python3.11 -m venv /opt/gridflex/venv-core
sudo /opt/gridflex/venv-core/bin/pip install --quiet --disable-pip-version-check --requirement /opt/gridflex/app/requirements/core.txt
printf "GRIDFLEX_ARTIFACTS='%s'\nGRIDFLEX_ROLE='spark'\n" "$artifacts" | sudo tee /etc/gridflex/machine.env >/dev/null
rm -rf "$fresh"
