# Every password, each made once and read by its owner alone.

locals {
  kafka_users = toset(["replay", "spark", "druid", "batch", "check", "events"])
  passwords = {
    druid-admin    = { username = "admin", description = "Druid's administrator" }
    druid-internal = { username = "druid_system", description = "Druid's services among themselves" }
    druid-metadata = { username = "druid", description = "Druid's metadata store" }
    druid-batch    = { username = "batch", description = "Batch jobs at Druid" }
    druid-superset = { username = "superset", description = "Superset at Druid: reads only" }
    superset-key   = { username = "superset", description = "Key that signs Superset's sessions" }
    superset-admin = { username = "admin", description = "Superset's administrator" }
  }
  recovery_days = var.protect ? 30 : 0
}

module "kafka_users" {
  source   = "../secret"
  for_each = local.kafka_users

  # MSK takes no other names.
  name          = "AmazonMSK_${var.name}_${each.key}"
  description   = "Kafka: ${each.key}"
  username      = each.key
  kms_key_arn   = module.foundation.kms_key_arn
  generation    = var.credentials_generation
  recovery_days = local.recovery_days
}

module "secrets" {
  source   = "../secret"
  for_each = local.passwords

  name          = "${var.name}/${each.key}"
  description   = each.value.description
  username      = each.value.username
  kms_key_arn   = module.foundation.kms_key_arn
  generation    = var.credentials_generation
  recovery_days = local.recovery_days
}
