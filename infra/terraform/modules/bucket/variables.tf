variable "name" {
  description = "Name of the bucket, unique in the world."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "name: 3 to 63 small letters, digits and hyphens."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the objects; null takes S3's own, for the bucket that S3 writes access logs to."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || startswith(coalesce(var.kms_key_arn, "-"), "arn:")
    error_message = "kms_key_arn must be an ARN or null."
  }
}

variable "access_log" {
  description = "Bucket that keeps who read and wrote; null for that bucket itself."
  type        = object({ bucket = string })
  default     = null

  validation {
    condition     = try(var.access_log.bucket, "-") != ""
    error_message = "access_log.bucket must be a name."
  }
}

variable "disposable" {
  description = "Whether `terraform destroy` may delete what is in it."
  type        = bool
  default     = false

  validation {
    condition     = var.disposable != null
    error_message = "disposable must be true or false."
  }
}

variable "old_versions_days" {
  description = "Days for which overwritten and deleted objects can be brought back."
  type        = number
  default     = 30

  validation {
    condition     = var.old_versions_days >= 1
    error_message = "old_versions_days must be at least 1."
  }
}

variable "statements" {
  description = "Further statements of the bucket's policy."
  type        = list(any)
  default     = []

  validation {
    condition     = alltrue([for statement in var.statements : contains(["Allow", "Deny"], statement.Effect)])
    error_message = "Each statement needs an Effect of Allow or Deny."
  }
}
