# Small, in every role there is: for trying releases. Whatever it holds may be lost.

module "platform" {
  source = "../../modules/platform"

  name                   = "gridflex-dev"
  release_folder         = var.release_folder
  time_zone              = "UTC"
  protect                = false
  log_retention_days     = 14
  credentials_generation = var.credentials_generation
  operator_cidrs         = var.operator_cidrs
  alarm_emails           = var.alarm_emails
  openadr                = var.openadr
  alarm_thresholds       = { lag_messages = 1000000, age_s = 600, disk_percent = 85 }

  network = {
    cidr                = "10.20.0.0/16"
    zones               = ["a", "b", "c"]
    nat_per_zone        = false
    interface_endpoints = []
  }
  kafka = {
    instance_type   = "kafka.t3.small"
    volume_gb       = 50
    retention_hours = 72
    partitions      = 6
  }

  spark = {
    release_label         = "emr-7.10.0"
    primary_instance_type = "m7i.xlarge"
    core_instance_type    = "m7i.xlarge"
    core_machines         = 1
    volume_gb             = 64
    driver_memory         = "2g"
    buckets               = 8
    executors             = { count = 2, cores = 1, memory = "3g" }
  }

  druid = {
    task_slots              = 14
    task_count              = 1
    metadata_instance_class = "db.t4g.small"
    metadata_multi_az       = false
    metadata_backup_days    = 3

    sizes = {
      zookeeper      = { machines = 1, instance_type = "t3.small", volume_gb = 20 }
      coordinator    = { machines = 1, instance_type = "m7i.large", volume_gb = 30 }
      query          = { machines = 1, instance_type = "m7i.large", volume_gb = 30 }
      historical     = { machines = 1, instance_type = "m7i.large", volume_gb = 100 }
      middle-manager = { machines = 1, instance_type = "m7i.2xlarge", volume_gb = 100 }
    }
  }

  control = {
    airflow  = { instance_type = "m7i.large", volume_gb = 16 }
    superset = { instance_type = "t3.medium", volume_gb = 8 }
    events = {
      instance_type = "t3.medium"
      users         = { operator = "planner", supervisor = "approver", admin = "planner+approver", researcher = "viewer" }
    }
    backup_days = 7
  }

  replay = {
    instance_type = "m7i.large"
    volume_gb     = 60
    replays       = { redd = { data_set = "redd", shifts = "0:10" } }
  }
}
