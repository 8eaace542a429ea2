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
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids: at least two; the metadata store wants them."
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
  description = "Bucket that keeps who read and wrote deep storage."
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

variable "druid_version" {
  description = "Version of the official distribution: that of infra/local/pom.xml."
  type        = string

  validation {
    condition     = can(regex("^[0-9]+\\.[0-9]+\\.[0-9]+$", var.druid_version))
    error_message = "druid_version must be like 33.0.0."
  }
}

variable "sizes" {
  description = "How many machines of which kind have which disk, by role."
  type        = map(object({ machines = number, instance_type = string, volume_gb = number }))

  validation {
    condition     = toset(keys(var.sizes)) == toset(["zookeeper", "coordinator", "query", "historical", "middle-manager"])
    error_message = "sizes: zookeeper, coordinator, query, historical, middle-manager."
  }
  validation {
    condition     = contains([1, 3, 5], var.sizes["zookeeper"].machines)
    error_message = "sizes.zookeeper: 1, 3 or 5 machines; an even number only adds a machine that can fail."
  }
}

variable "task_slots" {
  description = "Tasks that each middle manager runs at once. A supervisor needs two for each task while one hands over."
  type        = number

  validation {
    condition     = var.task_slots >= 2
    error_message = "task_slots: at least 2."
  }
}

variable "clients" {
  description = "Security groups that ask Druid, by service."
  type        = map(string)

  validation {
    condition     = length(var.clients) > 0
    error_message = "clients: without one nobody asks Druid."
  }
}

variable "operator_cidrs" {
  description = "Addresses inside the network, or of its VPN, from which people ask Druid."
  type        = set(string)

  validation {
    condition     = alltrue([for cidr in var.operator_cidrs : can(regex("^(10|172[.](1[6-9]|2[0-9]|3[01])|192[.]168)[.].*/(8|9|[12][0-9]|3[0-2])$", cidr))])
    error_message = "operator_cidrs: private addresses, /8 or smaller; nobody asks from the internet."
  }
}

variable "secret_arns" {
  description = "Secrets: Druid's admin, its services among themselves, the metadata store, Kafka."
  type        = object({ admin = string, internal = string, metadata = string, kafka = string })

  validation {
    condition     = alltrue([for arn in values(var.secret_arns) : startswith(arn, "arn:")])
    error_message = "secret_arns must be ARNs."
  }
}

variable "metadata_password" {
  description = "The metadata store's password; only written, never kept."
  type        = string
  ephemeral   = true

  validation {
    condition     = length(var.metadata_password) >= 20
    error_message = "metadata_password: at least 20 characters."
  }
}

variable "credentials_generation" {
  description = "Raise it, together with that of the secret, to make a new password."
  type        = number

  validation {
    condition     = var.credentials_generation >= 1
    error_message = "credentials_generation begins at 1."
  }
}

variable "postgres_version" {
  description = "Version of the metadata store."
  type        = string
  default     = "16.8"

  validation {
    condition     = can(regex("^1[4-9](\\.[0-9]+)?$", var.postgres_version))
    error_message = "postgres_version must be like 16.8."
  }
}

variable "metadata_instance_class" {
  description = "Kind of machine of the metadata store."
  type        = string

  validation {
    condition     = startswith(var.metadata_instance_class, "db.")
    error_message = "metadata_instance_class must be like db.t4g.small."
  }
}

variable "metadata_multi_az" {
  description = "A second metadata store in another zone, ready to take over."
  type        = bool

  validation {
    condition     = var.metadata_multi_az != null
    error_message = "metadata_multi_az must be true or false."
  }
}

variable "metadata_backup_days" {
  description = "Days to which the metadata store can be put back."
  type        = number

  validation {
    condition     = var.metadata_backup_days >= 1 && var.metadata_backup_days <= 35
    error_message = "metadata_backup_days: 1 to 35."
  }
}

variable "protect" {
  description = "Refuse to delete the metadata store, the balancer and what deep storage holds."
  type        = bool

  validation {
    condition     = var.protect != null
    error_message = "protect must be true or false."
  }
}
