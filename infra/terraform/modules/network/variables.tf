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

variable "cidr" {
  description = "Addresses of the network."
  type        = string

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && can(regex("/(16|17|18|19|20)$", var.cidr))
    error_message = "cidr must be an IPv4 block of /16 to /20."
  }
}

variable "availability_zones" {
  description = "Zones to spread over. The first holds the NAT gateway where there is only one."
  type        = list(string)

  validation {
    condition     = length(var.availability_zones) == 3 && length(distinct(var.availability_zones)) == 3
    error_message = "availability_zones: three, one for each Kafka broker."
  }
}

variable "nat_per_zone" {
  description = "A NAT gateway in each zone, so that the loss of one zone does not cut the others off."
  type        = bool

  validation {
    condition     = var.nat_per_zone != null
    error_message = "nat_per_zone must be true or false."
  }
}

variable "interface_endpoints" {
  description = "AWS services with a private endpoint; the others are reached through NAT."
  type        = set(string)

  validation {
    condition     = alltrue([for service in var.interface_endpoints : can(regex("^[a-z0-9.-]+$", service))])
    error_message = "interface_endpoints: names of services such as secretsmanager."
  }
}
