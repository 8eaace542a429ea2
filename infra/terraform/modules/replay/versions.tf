terraform {
  required_version = ">= 1.11"

  required_providers {
    # Its tests stand in for this one.
    # tflint-ignore: terraform_unused_required_providers
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 6.0"
    }
  }
}
