variable "site" {
  description = "What every module must know of the deployment: the prefix of all names, where it stands, its key."
  type = object({
    name               = string
    region             = string
    account_id         = string
    partition          = string
    kms_key_arn        = string
    log_retention_days = number
  })

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,20}$", var.site.name))
    error_message = "site.name: 3 to 21 small letters, digits and hyphens, a letter first."
  }
  validation {
    condition     = startswith(var.site.kms_key_arn, "arn:")
    error_message = "site.kms_key_arn must be the ARN of a customer managed key: everything is encrypted with it."
  }
  validation {
    condition     = var.site.log_retention_days >= 1
    error_message = "site.log_retention_days must be at least 1: logs do not stay for ever."
  }
}

variable "supervisors" {
  description = "Druid's supervisors, whose lag is watched: one for each feed that Druid reads."
  type        = set(string)

  validation {
    condition     = length(var.supervisors) > 0
    error_message = "supervisors: at least one."
  }
}

variable "freshness_limits_s" {
  description = "Tables whose newest row is watched, and from which age in seconds on it is wrong, if thresholds.age_s is not larger."
  type        = map(number)

  validation {
    condition     = alltrue([for limit_s in values(var.freshness_limits_s) : limit_s >= 60])
    error_message = "freshness_limits_s: at least 60 each."
  }
}

variable "roles" {
  description = "Roles of machines whose disks are watched."
  type        = set(string)

  validation {
    condition     = length(var.roles) > 0
    error_message = "roles: at least one."
  }
}

variable "kafka" {
  description = "The cluster whose disks are watched."
  type        = object({ name = string, brokers = number })

  validation {
    condition     = var.kafka.brokers >= 3
    error_message = "kafka.brokers: at least 3."
  }
}

variable "metadata_instance" {
  description = "Druid's metadata store."
  type        = string

  validation {
    condition     = var.metadata_instance != ""
    error_message = "metadata_instance must not be empty."
  }
}

variable "alarm_emails" {
  description = "Who is told of alarms; each confirms by a mail from AWS."
  type        = set(string)

  validation {
    condition     = alltrue([for email in var.alarm_emails : can(regex("^[^@ ]+@[^@ ]+$", email))])
    error_message = "alarm_emails must be addresses."
  }
}

variable "thresholds" {
  description = "From when on it is wrong."
  type        = object({ lag_messages = number, age_s = number, disk_percent = number })

  validation {
    condition     = var.thresholds.disk_percent > 0 && var.thresholds.disk_percent < 100 && var.thresholds.age_s >= 60 && var.thresholds.lag_messages >= 1
    error_message = "thresholds: disk_percent within 0 and 100, age_s at least 60, lag_messages at least 1."
  }
}

