variable "name" {
  description = "Prefix of all names."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,20}$", var.name))
    error_message = "name: 3 to 21 small letters, digits and hyphens, a letter first."
  }
}

variable "release_folder" {
  description = "Where make dist wrote gridflex.zip and spark-jars.zip."
  type        = string

  validation {
    condition     = fileexists("${var.release_folder}/gridflex.zip") && fileexists("${var.release_folder}/spark-jars.zip")
    error_message = "release_folder lacks gridflex.zip or spark-jars.zip; run: make dist"
  }
}

variable "time_zone" {
  description = "Whose days and evenings are meant: an IANA name."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z_]+(/[A-Za-z_]+)*$", var.time_zone))
    error_message = "time_zone must be like Africa/Tunis."
  }
}

variable "protect" {
  description = "Refuse to delete what holds data, keep secrets and the key for a month after their deletion."
  type        = bool

  validation {
    condition     = var.protect != null
    error_message = "protect must be true or false."
  }
}

variable "log_retention_days" {
  description = "Days for which logs are kept."
  type        = number

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "log_retention_days: one of those that CloudWatch offers."
  }
}

variable "credentials_generation" {
  description = "Raise it to make new passwords everywhere."
  type        = number

  validation {
    condition     = var.credentials_generation >= 1
    error_message = "credentials_generation begins at 1."
  }
}

variable "operator_cidrs" {
  description = "Addresses inside the network, or of its VPN, from which people come."
  type        = set(string)

  validation {
    condition     = alltrue([for cidr in var.operator_cidrs : can(regex("^(10|172[.](1[6-9]|2[0-9]|3[01])|192[.]168)[.].*/(8|9|[12][0-9]|3[0-2])$", cidr))])
    error_message = "operator_cidrs: private addresses, /8 or smaller; nobody comes from the internet."
  }
}

variable "alarm_emails" {
  description = "Who is told of alarms."
  type        = set(string)

  validation {
    condition     = alltrue([for email in var.alarm_emails : can(regex("^[^@ ]+@[^@ ]+$", email))])
    error_message = "alarm_emails must be addresses."
  }
}

variable "alarm_thresholds" {
  description = "From when on it is wrong."
  type        = object({ lag_messages = number, age_s = number, disk_percent = number })

  validation {
    condition     = var.alarm_thresholds.disk_percent < 100
    error_message = "alarm_thresholds.disk_percent: below 100."
  }
}

variable "network" {
  description = "Addresses, the letters of three zones, ways out, private endpoints."
  type = object({
    cidr                = string
    zones               = list(string)
    nat_per_zone        = bool
    interface_endpoints = set(string)
  })

  validation {
    condition     = can(cidrhost(var.network.cidr, 0))
    error_message = "network.cidr must be an IPv4 block."
  }
}

variable "kafka" {
  description = "Brokers' size, hours of retention; partitions of each topic, fixed for the life of the data."
  type = object({
    instance_type   = string
    volume_gb       = number
    retention_hours = number
    partitions      = number
  })

  validation {
    condition     = var.kafka.partitions >= 1
    error_message = "kafka.partitions: at least 1."
  }
}

variable "spark" {
  description = "The streaming job and its machines. Buckets are fixed for the life of a checkpoint."
  type = object({
    release_label         = string
    primary_instance_type = string
    core_instance_type    = string
    core_machines         = number
    volume_gb             = number
    driver_memory         = string
    buckets               = number
    executors             = object({ count = number, cores = number, memory = string })
  })

  validation {
    condition     = var.spark.buckets >= var.spark.executors.count * var.spark.executors.cores
    error_message = "spark.buckets: at least one for each core of the executors, or cores stand idle."
  }
}

variable "druid" {
  description = "Sizes by role, ingestion, metadata store."
  type = object({
    sizes                   = map(object({ machines = number, instance_type = string, volume_gb = number }))
    task_slots              = number
    task_count              = number
    metadata_instance_class = string
    metadata_multi_az       = bool
    metadata_backup_days    = number
  })

  validation {
    condition     = var.druid.sizes["middle-manager"].machines * var.druid.task_slots >= 2 * (var.druid.task_count + 5) + 2
    error_message = "druid: too few task slots; a handover needs two for each task: 2 * (task_count + 5), and 2 for batch."
  }
}

variable "control" {
  description = "Airflow, Superset, the events service with its users (role, role+role or role:Region), days of copies."
  type = object({
    airflow     = object({ instance_type = string, volume_gb = number })
    superset    = object({ instance_type = string, volume_gb = number })
    events      = object({ instance_type = string, users = map(string) })
    backup_days = number
  })

  validation {
    condition     = var.control.backup_days >= 1
    error_message = "control.backup_days: at least 1."
  }
  validation {
    condition = alltrue([
      for user, may in var.control.events.users :
      can(regex("^[a-z][a-z0-9-]*$", user)) && user != "check" && can(regex("^(planner|approver|viewer)([+](planner|approver|viewer))*(:[^,:+]+([+][^,:+]+)*)?$", may))
    ])
    error_message = "control.events.users: small letters, digits and hyphens = role, role+role or role:Region+Region; check is made here."
  }
}

variable "openadr" {
  description = "The VTN that events are brought to: another company's. null: none. The secret of client_id is put in by hand."
  type = object({
    url       = string
    client_id = string
    token_url = optional(string, "")
    program   = optional(string, "gridflex-curtailment")
  })
  default = null

  validation {
    condition = var.openadr == null ? true : alltrue([
      for url in compact([var.openadr.url, var.openadr.token_url]) : can(regex("^https://[A-Za-z0-9.-]+(:443)?(/[A-Za-z0-9._~/-]*)?$", url))
    ]) && var.openadr.url != ""
    error_message = "openadr.url, openadr.token_url: https:// at port 443, the only one that machines may reach outside the network."
  }
  validation {
    condition     = var.openadr == null ? true : can(regex("^[A-Za-z0-9_-]{1,128}$", var.openadr.client_id))
    error_message = "openadr.client_id: letters, digits, _ and -."
  }
  validation {
    condition     = var.openadr == null ? true : can(regex("^[A-Za-z0-9._-][A-Za-z0-9 ._-]{0,127}$", var.openadr.program))
    error_message = "openadr.program: letters, digits, spaces, . _ and -."
  }
}

variable "replay" {
  description = "The machine that plays data sets, and what it plays."
  type = object({
    instance_type = string
    volume_gb     = number
    replays       = map(object({ data_set = string, shifts = string }))
  })

  validation {
    condition     = var.replay.volume_gb >= 20
    error_message = "replay.volume_gb: at least 20."
  }
}

