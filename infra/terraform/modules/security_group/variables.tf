variable "site_name" {
  description = "Prefix of all names."
  type        = string

  validation {
    condition     = var.site_name != ""
    error_message = "site_name must not be empty."
  }
}

variable "name" {
  description = "Whose machines these are."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z-]*$", var.name))
    error_message = "name: small letters and hyphens."
  }
}

variable "description" {
  description = "What they do."
  type        = string

  validation {
    condition     = var.description != ""
    error_message = "description must not be empty."
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
