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

variable "network" {
  description = "The network and its addresses."
  type        = object({ vpc_id = string, cidr = string })

  validation {
    condition     = can(cidrhost(var.network.cidr, 0)) && !endswith(var.network.cidr, "/0")
    error_message = "network.cidr must be the network's own block."
  }
}

variable "subnet_id" {
  description = "Private subnet; a cluster of YARN machines stands in one zone."
  type        = string

  validation {
    condition     = var.subnet_id != ""
    error_message = "subnet_id must not be empty."
  }
}

variable "artifacts" {
  description = "Bucket of the release and of the machines' settings."
  type        = object({ name = string, arn = string })

  validation {
    condition     = var.artifacts.name != ""
    error_message = "artifacts.name must not be empty."
  }
}

variable "access_log_bucket" {
  description = "Bucket that keeps who read and wrote."
  type        = string

  validation {
    condition     = var.access_log_bucket != ""
    error_message = "access_log_bucket must not be empty."
  }
}

variable "release_label" {
  description = "EMR release: its Hadoop must be that of Spark's own client, 3.4.1."
  type        = string

  validation {
    condition     = can(regex("^emr-[0-9]+[.][0-9]+[.][0-9]+$", var.release_label))
    error_message = "release_label must be like emr-7.10.0."
  }
}

variable "primary_instance_type" {
  description = "Kind of machine of the driver."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9-]+[.][a-z0-9]+$", var.primary_instance_type))
    error_message = "primary_instance_type must be like m7i.xlarge."
  }
}

variable "core_instance_type" {
  description = "Kind of machine of the executors."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9-]+[.][a-z0-9]+$", var.core_instance_type))
    error_message = "core_instance_type must be like m7i.xlarge."
  }
}

variable "core_machines" {
  description = "Machines for executors."
  type        = number

  validation {
    condition     = var.core_machines >= 1
    error_message = "core_machines: at least 1."
  }
}

variable "volume_gb" {
  description = "Disk of each machine: RocksDB's working state."
  type        = number

  validation {
    condition     = var.volume_gb >= 32
    error_message = "volume_gb: at least 32."
  }
}

variable "executors" {
  description = "Executors of the streaming job, and what each has."
  type        = object({ count = number, cores = number, memory = string })

  validation {
    condition     = var.executors.count >= 1 && var.executors.cores >= 1 && can(regex("^[0-9]+[mg]$", var.executors.memory))
    error_message = "executors: count and cores at least 1, memory like 4g."
  }
}

variable "kafka_secret_arn" {
  description = "Secret of the Kafka user of the streaming job."
  type        = string

  validation {
    condition     = startswith(var.kafka_secret_arn, "arn:")
    error_message = "kafka_secret_arn must be an ARN."
  }
}

variable "protect" {
  description = "Refuse to end the cluster and to delete the job's state."
  type        = bool

  validation {
    condition     = var.protect != null
    error_message = "protect must be true or false."
  }
}

