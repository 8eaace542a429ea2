variable "name" {
  description = "Name of the secret."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9/_-]{3,120}$", var.name))
    error_message = "name: letters, digits, / _ -."
  }
}

variable "description" {
  description = "Whose password it is."
  type        = string

  validation {
    condition     = length(var.description) > 0
    error_message = "description must say whose password it is."
  }
}

variable "username" {
  description = "Stands beside the password in the secret."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9_-]*$", var.username))
    error_message = "username: small letters, digits, _ and -, a letter first."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts it."
  type        = string

  validation {
    condition     = startswith(var.kms_key_arn, "arn:")
    error_message = "kms_key_arn must be an ARN."
  }
}

variable "generation" {
  description = "Raise it to make a new password."
  type        = number

  validation {
    condition     = var.generation >= 1
    error_message = "generation begins at 1."
  }
}

variable "recovery_days" {
  description = "Days in which a deleted secret can be brought back; 0 deletes at once."
  type        = number

  validation {
    condition     = var.recovery_days == 0 || (var.recovery_days >= 7 && var.recovery_days <= 30)
    error_message = "recovery_days must be 0, or 7 to 30."
  }
}
