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

variable "role" {
  description = "What these machines do: names them, their log group and the boot script that they run."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z-]*[a-z]$", var.role))
    error_message = "role: small letters and hyphens."
  }
}

variable "machines" {
  description = "How many."
  type        = number

  validation {
    condition     = var.machines >= 1 && floor(var.machines) == var.machines
    error_message = "machines: at least 1."
  }
}

variable "instance_type" {
  description = "Kind of machine."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9-]+\\.[a-z0-9]+$", var.instance_type))
    error_message = "instance_type must be like m7i.large."
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

variable "root_volume_gb" {
  description = "Disk that goes with the machine: the software and what can be fetched again."
  type        = number

  validation {
    condition     = var.root_volume_gb >= 20
    error_message = "root_volume_gb: at least 20."
  }
}

variable "data_volume_gb" {
  description = "Disk for state that must outlive its machine, with snapshots; 0 for none."
  type        = number
  default     = 0

  validation {
    condition     = var.data_volume_gb == 0 || var.data_volume_gb >= 8
    error_message = "data_volume_gb must be 0 or at least 8."
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

variable "security_group_ids" {
  description = "Groups of each machine."
  type        = list(string)

  validation {
    condition     = length(var.security_group_ids) >= 1
    error_message = "security_group_ids: at least one, or the network's default group would be taken."
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

variable "certificate_names" {
  description = "Names under which clients know these machines, besides their own."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for name in var.certificate_names : can(regex("^[a-z0-9.-]+$", name))])
    error_message = "certificate_names: DNS names."
  }
}

variable "secret_arns" {
  description = "Secrets that these machines may read, and no others."
  type        = list(string)

  validation {
    condition     = alltrue([for arn in var.secret_arns : !strcontains(arn, "*")])
    error_message = "secret_arns: each by its own ARN, without *."
  }
}

variable "statements" {
  description = "Further statements of the machines' policy."
  type        = list(any)
  default     = []

  validation {
    condition     = alltrue([for statement in var.statements : statement.Effect == "Allow"])
    error_message = "statements must be of Effect Allow."
  }
}

variable "settings" {
  description = "Settings that the boot script reads, by name. No secrets."
  type        = map(string)

  validation {
    condition     = alltrue([for value in values(var.settings) : !strcontains(value, "'") && !strcontains(value, "\n")])
    error_message = "settings: values must hold neither ' nor line ends."
  }
}
