module "kafka" {
  source = "../kafka"

  site             = local.site
  vpc_id           = module.network.vpc_id
  subnet_ids       = module.network.private_subnet_ids
  instance_type    = var.kafka.instance_type
  volume_gb        = var.kafka.volume_gb
  retention_hours  = var.kafka.retention_hours
  user_secret_arns = { for user, secret in module.kafka_users : user => secret.arn }
  administrators   = { airflow = module.control.client_group_ids.airflow }
  operator_cidrs   = var.operator_cidrs
  clients = {
    replay = module.replay.security_group_id
    spark  = module.spark.security_group_id
    druid  = module.druid.security_group_id
    batch  = module.control.client_group_ids.airflow
    events = module.control.client_group_ids.events
  }
}

module "spark" {
  source = "../spark"

  site                  = local.site
  network               = local.network
  subnet_id             = module.network.private_subnet_ids[0]
  artifacts             = module.foundation.artifacts
  access_log_bucket     = module.foundation.access_log_bucket
  release_label         = var.spark.release_label
  primary_instance_type = var.spark.primary_instance_type
  core_instance_type    = var.spark.core_instance_type
  core_machines         = var.spark.core_machines
  volume_gb             = var.spark.volume_gb
  executors             = var.spark.executors
  kafka_secret_arn      = module.kafka_users["spark"].arn
  protect               = var.protect

  # The step that starts the job needs the release and the configuration.
  depends_on = [module.foundation, aws_s3_object.config]
}

module "druid" {
  source = "../druid"

  site                      = local.site
  network                   = local.network
  subnet_ids                = module.network.private_subnet_ids
  zone                      = module.network.zone
  artifacts                 = module.foundation.artifacts
  access_log_bucket         = module.foundation.access_log_bucket
  certificate_authority_arn = module.foundation.certificate_authority_arn
  ami_id                    = local.ami_id
  druid_version             = local.druid_version
  sizes                     = var.druid.sizes
  task_slots                = var.druid.task_slots
  operator_cidrs            = var.operator_cidrs
  metadata_password         = module.secrets["druid-metadata"].password
  credentials_generation    = var.credentials_generation
  metadata_instance_class   = var.druid.metadata_instance_class
  metadata_multi_az         = var.druid.metadata_multi_az
  metadata_backup_days      = var.druid.metadata_backup_days
  protect                   = var.protect

  clients = {
    control = module.control.client_group_ids.control
  }
  secret_arns = {
    admin    = module.secrets["druid-admin"].arn
    internal = module.secrets["druid-internal"].arn
    metadata = module.secrets["druid-metadata"].arn
    kafka    = module.kafka_users["druid"].arn
  }
}

module "control" {
  source = "../control"

  site                      = local.site
  network                   = local.network
  subnet_ids                = module.network.private_subnet_ids
  zone                      = module.network.zone
  artifacts                 = module.foundation.artifacts
  certificate_authority_arn = module.foundation.certificate_authority_arn
  ami_id                    = local.ami_id
  operator_cidrs            = var.operator_cidrs
  airflow                   = var.control.airflow
  superset                  = var.control.superset
  events                    = { instance_type = var.control.events.instance_type }
  event_token_arns          = { for user, secret in module.event_tokens : user => secret.arn }
  openadr_secret_arns       = aws_secretsmanager_secret.openadr[*].arn
  backup_days               = var.control.backup_days
  exchange_arn              = module.druid.exchange_arn
  protect                   = var.protect

  kafka = {
    arn                     = module.kafka.arn
    admin_bootstrap_servers = module.kafka.admin_bootstrap_servers
  }
  secret_arns = {
    kafka_batch    = module.kafka_users["batch"].arn
    kafka_events   = module.kafka_users["events"].arn
    druid_admin    = module.secrets["druid-admin"].arn
    druid_batch    = module.secrets["druid-batch"].arn
    druid_superset = module.secrets["druid-superset"].arn
    druid_events   = module.secrets["druid-events"].arn
    superset_key   = module.secrets["superset-key"].arn
    superset_admin = module.secrets["superset-admin"].arn
    events_service = module.secrets["events-service"].arn
  }
}

module "replay" {
  source = "../replay"

  site                      = local.site
  network                   = local.network
  subnet_ids                = module.network.private_subnet_ids
  zone                      = module.network.zone
  artifacts                 = module.foundation.artifacts
  access_log_bucket         = module.foundation.access_log_bucket
  certificate_authority_arn = module.foundation.certificate_authority_arn
  ami_id                    = local.ami_id
  instance_type             = var.replay.instance_type
  volume_gb                 = var.replay.volume_gb
  replays                   = var.replay.replays
  kafka_secret_arn          = module.kafka_users["replay"].arn
  protect                   = var.protect
}

module "observability" {
  source = "../observability"

  site               = local.site
  supervisors        = local.supervisors
  freshness_limits_s = local.freshness_limits_s
  roles              = ["druid-historical", "druid-middle-manager", "druid-coordinator", "airflow", "superset", "events", "replay"]
  kafka              = { name = module.kafka.name, brokers = module.kafka.broker_count }
  metadata_instance  = module.druid.metadata_instance
  alarm_emails       = var.alarm_emails
  thresholds         = var.alarm_thresholds
}
