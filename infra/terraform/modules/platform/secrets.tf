# Every password, each made once and read by its owner alone.

locals {
  kafka_users = toset(["replay", "spark", "druid", "batch", "check", "events"])
  passwords = {
    druid-admin    = { username = "admin", description = "Druid's administrator" }
    druid-internal = { username = "druid_system", description = "Druid's services among themselves" }
    druid-metadata = { username = "druid", description = "Druid's metadata store" }
    druid-batch    = { username = "batch", description = "Batch jobs at Druid" }
    druid-events   = { username = "events", description = "The events service at Druid: reads only" }
    druid-superset = { username = "superset", description = "Superset at Druid: reads only" }
    superset-key   = { username = "superset", description = "Key that signs Superset's sessions" }
    superset-admin = { username = "admin", description = "Superset's administrator" }
    events-service = { username = "superset", description = "Lets Superset speak for its users at the events service" }
  }
  recovery_days = var.protect ? 30 : 0

  # check: for the metrics of the machine itself, and for `gridflex deploy check`.
  event_users = merge(var.control.events.users, { check = "viewer" })
}

# One token for each user of the events service.
module "event_tokens" {
  source   = "../secret"
  for_each = local.event_users

  name          = "${var.name}/events-token-${each.key}"
  description   = "The events service: ${each.key}"
  username      = each.key
  kms_key_arn   = module.foundation.kms_key_arn
  generation    = var.credentials_generation
  recovery_days = local.recovery_days
}

# Its value comes from the VTN's operator: a person puts it there (docs/openadr.md, On a cluster).
resource "aws_secretsmanager_secret" "openadr" {
  #checkov:skip=CKV2_AWS_57:The VTN's operator makes it; it is replaced by hand.
  count = var.openadr == null ? 0 : 1

  name                    = "${var.name}/openadr-client"
  description             = "The events service at the VTN ${var.openadr.url}"
  kms_key_id              = module.foundation.kms_key_arn
  recovery_window_in_days = local.recovery_days
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
