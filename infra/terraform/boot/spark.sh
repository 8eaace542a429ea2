#!/usr/bin/env bash
# EMR step on the primary machine: the streaming job as a service that is started again whenever it ends. Done when the
# job has begun to follow Kafka, so that the step's state says whether it works.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
set -a
# shellcheck source=/dev/null
. /etc/gridflex/machine.env
GRIDFLEX_NODE=$(hostname -s)
GRIDFLEX_HOSTNAME=$(hostname -f)
AWS_DEFAULT_REGION=$(cloud-init query region)
set +a
# shellcheck source=infra/terraform/boot/lib.sh
. "$here/lib.sh"

make_user
fetch_settings
usermod -a -G hadoop gridflex
fetch_secrets

# What machines say to each other is encrypted; the job's state is in S3, by EMR's own S3A of the same Hadoop. Not by
# AES/GCM: in Spark 4.0.0 only the first message of a connection arrives then (SPARK-56227). YARN gives up a job that has
# lost twice as many executors as it has: within an hour, not over the months that this one runs.
install -d "$SETTINGS/spark"
cat >"$SETTINGS/spark/spark-defaults.conf" <<CONF
spark.authenticate true
spark.network.crypto.enabled true
spark.io.encryption.enabled true
spark.driver.port 7078
spark.driver.blockManager.port 7090
spark.blockManager.port 7100
spark.port.maxRetries 90
spark.executor.instances $GRIDFLEX_EXECUTORS
spark.executor.cores $GRIDFLEX_EXECUTOR_CORES
spark.executor.memory $GRIDFLEX_EXECUTOR_MEMORY
spark.executor.memoryOverheadFactor 0.4
spark.executor.failuresValidityInterval 1h
spark.yarn.jars local:/opt/gridflex/venv-core/lib/python3.11/site-packages/pyspark/jars/*
spark.driver.extraClassPath /usr/lib/hadoop/hadoop-aws.jar:/usr/share/aws/aws-java-sdk-v2/*
spark.executor.extraClassPath /usr/lib/hadoop/hadoop-aws.jar:/usr/share/aws/aws-java-sdk-v2/*
spark.executorEnv.PYSPARK_PYTHON /opt/gridflex/venv-core/bin/python
CONF

# Where YARN keeps what the driver sends along.
sudo -u hdfs hdfs dfs -mkdir -p /user/gridflex
sudo -u hdfs hdfs dfs -chown gridflex:gridflex /user/gridflex

# The driver is reached by its executors under this machine's own address.
export GRIDFLEX_LAUNCHER_HOST
GRIDFLEX_LAUNCHER_HOST=$(hostname -i | cut -d ' ' -f 1)
install -d /etc/systemd/system/gridflex-spark.service.d
cat >/etc/systemd/system/gridflex-spark.service.d/yarn.conf <<UNIT
[Service]
Environment=HADOOP_CONF_DIR=/etc/hadoop/conf SPARK_CONF_DIR=$SETTINGS/spark
Environment=JAVA_HOME=/usr/lib/jvm/jre-17 PYSPARK_PYTHON=/opt/gridflex/venv-core/bin/python
ExecStart=
ExecStart=/opt/gridflex/venv-core/bin/python -m stream_processing --checkpoint $GRIDFLEX_CHECKPOINT
UNIT
write_unit gridflex-metrics.service "[Service]
Type=oneshot
EnvironmentFile=$SETTINGS/machine.env
EnvironmentFile=$SETTINGS/node.env
Environment=GRIDFLEX_CONFIG=$SETTINGS/config.ini GRIDFLEX_LAUNCHER_STATE_DIR=$STATE AWS_DEFAULT_REGION=$AWS_DEFAULT_REGION
ExecStart=$APP/infra/terraform/boot/metrics.sh stream"
every gridflex-metrics 1min
rm -f "$STATE/spark/status.json"
start_units

wait_until 900 test -s "$STATE/spark/status.json"
log "job=following"
