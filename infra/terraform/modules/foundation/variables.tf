variable "name" {
  description = "Prefix of all names."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,20}$", var.name))
    error_message = "name: 3 to 21 small letters, digits and hyphens, a letter first."
  }
}

variable "region" {
  description = "AWS region."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be like eu-west-1."
  }
}

variable "account_id" {
  description = "AWS account: makes bucket names unique."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id: 12 digits."
  }
}

variable "partition" {
  description = "AWS partition."
  type        = string

  validation {
    condition     = startswith(var.partition, "aws")
    error_message = "partition must be aws, aws-cn or aws-us-gov."
  }
}

variable "key_deletion_days" {
  description = "Days in which a deleted key can be brought back; without it all data is lost."
  type        = number

  validation {
    condition     = var.key_deletion_days >= 7 && var.key_deletion_days <= 30
    error_message = "key_deletion_days: 7 to 30."
  }
}

variable "disposable" {
  description = "Whether `terraform destroy` may delete what the buckets hold."
  type        = bool

  validation {
    condition     = var.disposable != null
    error_message = "disposable must be true or false."
  }
}

variable "release_files" {
  description = "What `make dist` wrote, by name: uploaded to release/NAME."
  type        = map(string)

  validation {
    condition     = contains(keys(var.release_files), "gridflex.zip")
    error_message = "release_files must have gridflex.zip; run `make dist` first."
  }
}
