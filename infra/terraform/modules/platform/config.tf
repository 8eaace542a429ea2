# What every machine and every laptop inside the network reads. Sections and keys are those of gridflex/config.py.

locals {
  config_ini = <<-INI
    ; ${var.name}, written by Terraform. Secrets come from the environment alone.

    [kafka]
    bootstrap_servers = ${module.kafka.bootstrap_servers}
    security_protocol = SASL_SSL
    sasl_mechanism = SCRAM-SHA-512
    partitions = ${var.kafka.partitions}
    replication_factor = ${module.kafka.broker_count}

    [druid]
    router_url = ${module.druid.router_url}
    ca_file = /etc/gridflex/tls/ca.pem
    task_count = ${var.druid.task_count}

    [airflow]
    url = ${module.control.urls.airflow}
    ca_file = /etc/gridflex/tls/ca.pem

    [superset]
    url = ${module.control.urls.superset}
    ca_file = /etc/gridflex/tls/ca.pem

    [events]
    url = ${module.control.urls.events}
    ca_file = /etc/gridflex/tls/ca.pem
    users = ${join(", ", [for user, may in local.event_users : "${user}:${may}"])}

    [spark]
    master = yarn
    driver_memory = ${var.spark.driver_memory}
    buckets = ${var.spark.buckets}
    shuffle_partitions = ${var.spark.executors.count * var.spark.executors.cores}

    [batch]
    time_zone = ${var.time_zone}
    exchange = ${module.druid.exchange}
    ${local.openadr_ini}
  INI

  # Another company's VTN; without it nothing is published.
  openadr_ini = var.openadr == null ? "" : templatefile("${path.module}/openadr.ini.tftpl", var.openadr)
}

resource "aws_s3_object" "config" {
  bucket     = module.foundation.artifacts.name
  key        = "settings/common/config.ini"
  content    = local.config_ini
  kms_key_id = module.foundation.kms_key_arn
}
