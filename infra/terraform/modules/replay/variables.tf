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

variable "subnet_ids" {
  description = "Private subnets to spread over."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 1
    error_message = "subnet_ids: at least one."
  }
}

variable "zone" {
  description = "The private DNS zone."
  type        = object({ id = string, name = string })

  validation {
    condition     = endswith(var.zone.name, ".internal")
    error_message = "zone.name must end in .internal."
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

variable "certificate_authority_arn" {
  description = "Signs the machines' certificates."
  type        = string

  validation {
    condition     = startswith(var.certificate_authority_arn, "arn:")
    error_message = "certificate_authority_arn must be an ARN."
  }
}

variable "ami_id" {
  description = "Image for new machines: Amazon Linux 2023."
  type        = string

  validation {
    condition     = startswith(var.ami_id, "ami-")
    error_message = "ami_id must be like ami-0abc."
  }
}

variable "instance_type" {
  description = "Kind of machine."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9-]+[.][a-z0-9]+$", var.instance_type))
    error_message = "instance_type must be like m7i.large."
  }
}

variable "volume_gb" {
  description = "Disk for the data sets."
  type        = number

  validation {
    condition     = var.volume_gb >= 20
    error_message = "volume_gb: at least 20."
  }
}

variable "replays" {
  description = "What is played, by name: a data set, and day shifts A:B, each a set of virtual houses."
  type        = map(object({ data_set = string, shifts = string }))

  validation {
    condition     = alltrue([for replay in values(var.replays) : contains(["redd", "greend"], replay.data_set) && can(regex("^[0-9]+:[0-9]+$", replay.shifts))])
    error_message = "replays: data_set is redd or greend, shifts like 0:10."
  }
}

variable "kafka_secret_arn" {
  description = "Secret of the Kafka user of replays."
  type        = string

  validation {
    condition     = startswith(var.kafka_secret_arn, "arn:")
    error_message = "kafka_secret_arn must be an ARN."
  }
}

variable "protect" {
  description = "Refuse to delete the data sets."
  type        = bool

  validation {
    condition     = var.protect != null
    error_message = "protect must be true or false."
  }
}

