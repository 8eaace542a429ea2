# A region of a million meters: docs/runbook.md derives the sizes from measurements. Nothing that holds data is deleted.

module "platform" {
  source = "../../modules/platform"

  name                   = "gridflex-prod"
  release_folder         = var.release_folder
  time_zone              = "UTC"
  protect                = true
  log_retention_days     = 90
  credentials_generation = var.credentials_generation
  operator_cidrs         = var.operator_cidrs
  alarm_emails           = var.alarm_emails
  openadr                = var.openadr
  alarm_thresholds       = { lag_messages = 10000000, age_s = 180, disk_percent = 75 }

  network = {
    cidr                = "10.30.0.0/16"
    zones               = ["a", "b", "c"]
    nat_per_zone        = true
    interface_endpoints = ["acm-pca", "kms", "logs", "monitoring", "secretsmanager", "ssm", "ssmmessages"]
  }
  kafka = {
    instance_type   = "kafka.m7g.xlarge"
    volume_gb       = 4000
    retention_hours = 72
    partitions      = 24
  }

  spark = {
    release_label         = "emr-7.10.0"
    primary_instance_type = "m7i.2xlarge"
    core_instance_type    = "m7i.2xlarge"
    core_machines         = 2
    volume_gb             = 200
    driver_memory         = "12g"
    buckets               = 96
    executors             = { count = 4, cores = 2, memory = "8g" }
  }

  druid = {
    task_slots              = 8
    task_count              = 4
    metadata_instance_class = "db.m7g.large"
    metadata_multi_az       = true
    metadata_backup_days    = 35

    sizes = {
      zookeeper      = { machines = 3, instance_type = "t3.medium", volume_gb = 20 }
      coordinator    = { machines = 2, instance_type = "m7i.xlarge", volume_gb = 50 }
      query          = { machines = 2, instance_type = "m7i.2xlarge", volume_gb = 50 }
      historical     = { machines = 3, instance_type = "r7i.2xlarge", volume_gb = 1000 }
      middle-manager = { machines = 3, instance_type = "m7i.4xlarge", volume_gb = 300 }
    }
  }

  control = {
    airflow  = { instance_type = "m7i.xlarge", volume_gb = 64 }
    superset = { instance_type = "m7i.large", volume_gb = 16 }
    events = {
      instance_type = "m7i.large"
      users         = { operator = "planner", supervisor = "approver", admin = "planner+approver", researcher = "viewer" }
    }
    backup_days = 35
  }

  replay = {
    instance_type = "m7i.xlarge"
    volume_gb     = 100
    replays       = {}
  }
}
