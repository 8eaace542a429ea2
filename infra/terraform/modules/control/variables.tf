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

variable "operator_cidrs" {
  description = "Addresses inside the network, or of its VPN, from which people come."
  type        = set(string)

  validation {
    condition     = alltrue([for cidr in var.operator_cidrs : can(regex("^(10|172[.](1[6-9]|2[0-9]|3[01])|192[.]168)[.].*/(8|9|[12][0-9]|3[0-2])$", cidr))])
    error_message = "operator_cidrs: private addresses, /8 or smaller; nobody comes from the internet."
  }
}

variable "airflow" {
  description = "Airflow's machine, and the disk of its state."
  type        = object({ instance_type = string, volume_gb = number })

  validation {
    condition     = var.airflow.volume_gb >= 8
    error_message = "airflow.volume_gb: at least 8."
  }
}

variable "superset" {
  description = "Superset's machine, and the disk of its state."
  type        = object({ instance_type = string, volume_gb = number })

  validation {
    condition     = var.superset.volume_gb >= 8
    error_message = "superset.volume_gb: at least 8."
  }
}

variable "events" {
  description = "The events service's machine. It keeps nothing: the ledger is in Kafka."
  type        = object({ instance_type = string })

  validation {
    condition     = var.events.instance_type != ""
    error_message = "events.instance_type must not be empty."
  }
}

variable "event_token_arns" {
  description = "The token of each user of the events service, by name; that of check is for the machine's own metrics."
  type        = map(string)

  validation {
    condition     = contains(keys(var.event_token_arns), "check")
    error_message = "event_token_arns: one must be check's."
  }
}

variable "openadr_secret_arns" {
  description = "The secret of the events service at a VTN; empty: it brings events to none."
  type        = list(string)

  validation {
    condition     = length(var.openadr_secret_arns) <= 1 && alltrue([for arn in var.openadr_secret_arns : startswith(arn, "arn:")])
    error_message = "openadr_secret_arns: one ARN at most."
  }
}

variable "kafka" {
  description = "The cluster whose topics and ACLs are made from here."
  type        = object({ arn = string, admin_bootstrap_servers = string })

  validation {
    condition     = strcontains(var.kafka.arn, ":cluster/")
    error_message = "kafka.arn must be that of a cluster."
  }
}

variable "exchange_arn" {
  description = "Objects of batch jobs on their way into Druid."
  type        = string

  validation {
    condition     = endswith(var.exchange_arn, "/*")
    error_message = "exchange_arn must end in /*."
  }
}

variable "secret_arns" {
  description = "Secrets that these machines read."
  type = object({
    kafka_batch    = string
    kafka_events   = string
    druid_admin    = string
    druid_batch    = string
    druid_superset = string
    druid_events   = string
    superset_key   = string
    superset_admin = string
    events_service = string
  })

  validation {
    condition     = alltrue([for arn in values(var.secret_arns) : startswith(arn, "arn:")])
    error_message = "secret_arns must be ARNs."
  }
}

variable "backup_days" {
  description = "Days for which daily copies of volumes are kept."
  type        = number

  validation {
    condition     = var.backup_days >= 1
    error_message = "backup_days: at least 1."
  }
}

variable "protect" {
  description = "Refuse to delete copies of volumes."
  type        = bool

  validation {
    condition     = var.protect != null
    error_message = "protect must be true or false."
  }
}

