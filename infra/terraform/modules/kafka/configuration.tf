# What the local broker is told about positions holds here too; the rest is what three brokers need.

locals {
  local_lines = split("\n", file("${path.module}/../../../local/kafka/server.properties"))
  local_properties = {
    for line in local.local_lines : split("=", line)[0] => split("=", line)[1] if can(regex("^[a-z.]+=", line))
  }
  shared = ["auto.create.topics.enable", "offsets.retention.minutes", "log.segment.bytes"]
  properties = merge({ for key in local.shared : key => local.local_properties[key] }, {
    "allow.everyone.if.no.acl.found"           = "false"
    "default.replication.factor"               = "3"
    "log.retention.hours"                      = tostring(var.retention_hours)
    "min.insync.replicas"                      = "2"
    "offsets.topic.replication.factor"         = "3"
    "transaction.state.log.replication.factor" = "3"
    "transaction.state.log.min.isr"            = "2"
    "unclean.leader.election.enable"           = "false"
  })
}

resource "aws_msk_configuration" "this" {
  name              = var.site.name
  kafka_versions    = [var.kafka_version]
  server_properties = join("\n", [for key, value in local.properties : "${key}=${value}"])
}
