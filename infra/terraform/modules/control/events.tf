# The events service. One machine: the ledger has one writer at a time, and a second service would fence the first one
# again and again. What it knows is in Kafka and in Secrets Manager: a new machine goes on where the old one stopped.

locals {
  # Names in the environment: GRIDFLEX_EVENTS_TOKEN_<NAME>.
  event_tokens = { for user, arn in var.event_token_arns : upper(replace(user, "-", "_")) => arn }

  events_secret_arns = concat(
    [var.secret_arns.kafka_events, var.secret_arns.druid_events, var.secret_arns.events_service],
    values(var.event_token_arns),
    var.openadr_secret_arns,
  )
  events_settings = {
    GRIDFLEX_PUBLIC_NAME           = local.names["events"]
    GRIDFLEX_KAFKA_SECRET          = var.secret_arns.kafka_events
    GRIDFLEX_DRUID_SECRET          = var.secret_arns.druid_events
    GRIDFLEX_EVENTS_SERVICE_SECRET = var.secret_arns.events_service
    GRIDFLEX_EVENTS_CHECK_SECRET   = var.event_token_arns["check"]
    GRIDFLEX_EVENTS_TOKEN_SECRETS  = join(" ", [for name, arn in local.event_tokens : "${name}=${arn}"])
    GRIDFLEX_OPENADR_SECRET        = join("", var.openadr_secret_arns)
  }
}

module "events" {
  source = "../node_group"

  site                      = var.site
  role                      = "events"
  machines                  = 1
  instance_type             = var.events.instance_type
  root_volume_gb            = 30
  ami_id                    = var.ami_id
  subnet_ids                = var.subnet_ids
  security_group_ids        = [module.group.id, module.events_group.id]
  zone                      = var.zone
  artifacts                 = var.artifacts
  certificate_authority_arn = var.certificate_authority_arn
  certificate_names         = [local.names["events"]]
  secret_arns               = local.events_secret_arns
  settings                  = local.events_settings
}

# A group of its own, so that Kafka's door opens for this machine, and this machine's for those behind it.
module "events_group" {
  source = "../security_group"

  site_name   = var.site.name
  name        = "events"
  description = "The events service"
  network     = var.network
}

resource "aws_vpc_security_group_ingress_rule" "event_clients" {
  security_group_id            = module.events_group.id
  referenced_security_group_id = module.group.id
  description                  = "Superset and Airflow"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443

  tags = { Name = "${var.site.name}-events-control" }
}
