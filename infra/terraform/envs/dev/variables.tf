variable "region" {
  description = "AWS region."
  type        = string
  default     = "eu-west-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be like eu-west-1."
  }
}

variable "owner" {
  description = "Who answers for this deployment: a tag of everything in it."
  type        = string

  validation {
    condition     = length(var.owner) > 0
    error_message = "owner must not be empty."
  }
}

variable "release_folder" {
  description = "Where make dist wrote the release."
  type        = string
  default     = "../../../../build/dist"

  validation {
    condition     = length(var.release_folder) > 0
    error_message = "release_folder must not be empty."
  }
}

variable "operator_cidrs" {
  description = "Private addresses from which people come: those of your VPN."
  type        = set(string)

  validation {
    condition     = length(var.operator_cidrs) > 0
    error_message = "operator_cidrs: at least one, or nobody sees the dashboards."
  }
}

variable "alarm_emails" {
  description = "Who is told of alarms."
  type        = set(string)

  validation {
    condition     = length(var.alarm_emails) > 0
    error_message = "alarm_emails: at least one, or nobody is told."
  }
}

variable "credentials_generation" {
  description = "Raise it to make new passwords everywhere; see the runbook."
  type        = number
  default     = 1

  validation {
    condition     = var.credentials_generation >= 1
    error_message = "credentials_generation begins at 1."
  }
}

variable "openadr" {
  description = "The VTN that events are brought to, such as a utility's; see docs/openadr.md, On a cluster. null: none."
  type = object({
    url       = string
    client_id = string
    token_url = optional(string, "")
    program   = optional(string, "gridflex-curtailment")
  })
  default = null

  validation {
    condition     = var.openadr == null ? true : startswith(var.openadr.url, "https://")
    error_message = "openadr.url must begin with https://."
  }
}
