provider "aws" {
  region      = var.region
  max_retries = 5

  default_tags {
    tags = {
      Project     = "gridflex"
      Environment = "prod"
      Owner       = var.owner
      ManagedBy   = "terraform"
    }
  }
}
