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

variable "vpc_id" {
  description = "The network."
  type        = string

  validation {
    condition     = var.vpc_id != ""
    error_message = "vpc_id must not be empty."
  }
}

variable "subnet_ids" {
  description = "Private subnets, one for each broker."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 3
    error_message = "subnet_ids: at least three, or the loss of a zone loses readings."
  }
}

variable "kafka_version" {
  description = "A version that MSK offers, as it writes it."
  type        = string
  default     = "3.9.x"

  validation {
    condition     = can(regex("^[34]\\.[0-9]+\\.(x|[0-9]+)(\\.kraft)?$", var.kafka_version))
    error_message = "kafka_version must be like 3.9.x."
  }
}

variable "instance_type" {
  description = "Kind of machine of a broker."
  type        = string

  validation {
    condition     = startswith(var.instance_type, "kafka.")
    error_message = "instance_type must be like kafka.m7g.large."
  }
}

variable "volume_gb" {
  description = "Disk of each broker at the start."
  type        = number

  validation {
    condition     = var.volume_gb >= 10 && var.volume_gb <= 16384
    error_message = "volume_gb: 10 to 16384."
  }
}

variable "clients" {
  description = "Security groups of the services that read and write, by service."
  type        = map(string)

  validation {
    condition     = length(var.clients) > 0
    error_message = "clients: without one nobody reads or writes."
  }
}

variable "administrators" {
  description = "Security groups from which topics and ACLs are made, by service."
  type        = map(string)

  validation {
    condition     = length(var.administrators) > 0
    error_message = "administrators: without one there are no topics."
  }
}

variable "user_secret_arns" {
  description = "Kafka's users: for each service a secret with its username and password."
  type        = map(string)

  validation {
    condition     = length(var.user_secret_arns) > 0 && alltrue([for arn in values(var.user_secret_arns) : strcontains(arn, ":secret:AmazonMSK_")])
    error_message = "user_secret_arns: at least one, each of a secret whose name begins with AmazonMSK_."
  }
}

variable "retention_hours" {
  description = "Hours for which readings are kept in Kafka: the longest outage of Druid or Spark that loses nothing."
  type        = number

  validation {
    condition     = var.retention_hours >= 24
    error_message = "retention_hours: at least 24, or a bad night loses readings."
  }
}

variable "operator_cidrs" {
  description = "Addresses inside the network, or of its VPN, from which people check Kafka."
  type        = set(string)

  validation {
    condition     = alltrue([for cidr in var.operator_cidrs : can(regex("^(10|172[.](1[6-9]|2[0-9]|3[01])|192[.]168)[.].*/(8|9|[12][0-9]|3[0-2])$", cidr))])
    error_message = "operator_cidrs: private addresses, /8 or smaller; nobody reads from the internet."
  }
}
