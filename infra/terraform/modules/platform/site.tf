# The whole platform, out of its modules. An environment says no more than sizes.

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

data "aws_ssm_parameter" "image" {
  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
}

locals {
  site = {
    name               = var.name
    region             = data.aws_region.this.name
    account_id         = data.aws_caller_identity.this.account_id
    partition          = data.aws_partition.this.partition
    kms_key_arn        = module.foundation.kms_key_arn
    log_retention_days = var.log_retention_days
  }
  network = { vpc_id = module.network.vpc_id, cidr = var.network.cidr }
  ami_id  = nonsensitive(data.aws_ssm_parameter.image.value)

  # Versions and names have one place each, which is not here.
  repository    = "${path.module}/../../../.."
  druid_version = regex("<druid.version>([0-9.]+)</druid.version>", file("${local.repository}/infra/local/pom.xml"))[0]
  feeds         = jsondecode(file("${local.repository}/gridflex/contracts/feeds.json"))
  supervisors   = toset([for feed in local.feeds : feed.data_source if try(feed.data_source, null) != null])
  freshness_limits_s = {
    for feed in local.feeds : feed.data_source => feed.freshness_limit_s if try(feed.freshness_limit_s, null) != null
  }
}

module "foundation" {
  source = "../foundation"

  name              = var.name
  region            = data.aws_region.this.name
  account_id        = data.aws_caller_identity.this.account_id
  partition         = data.aws_partition.this.partition
  key_deletion_days = var.protect ? 30 : 7
  disposable        = !var.protect
  release_files     = { for file in ["gridflex.zip", "spark-jars.zip"] : file => "${var.release_folder}/${file}" }
}

module "network" {
  source = "../network"

  site                = local.site
  cidr                = var.network.cidr
  availability_zones  = [for letter in var.network.zones : "${data.aws_region.this.name}${letter}"]
  nat_per_zone        = var.network.nat_per_zone
  interface_endpoints = var.network.interface_endpoints
}
