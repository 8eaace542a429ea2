resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = var.site.name }
}

# Takes no traffic, so that nothing is reachable by having forgotten its group.
resource "aws_default_security_group" "this" {
  vpc_id  = aws_vpc.this.id
  ingress = []
  egress  = []

  tags = { Name = "${var.site.name}-none" }
}

resource "aws_subnet" "private" {
  for_each = local.zones

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.key
  cidr_block              = cidrsubnet(var.cidr, 4, each.value)
  map_public_ip_on_launch = false

  tags = { Name = "${var.site.name}-private-${each.key}" }
}

locals {
  zones = { for index, zone in var.availability_zones : zone => index }
}

resource "aws_route53_zone" "this" {
  #checkov:skip=CKV2_AWS_38:A private zone cannot be signed.
  #checkov:skip=CKV2_AWS_39:Query logs are for public zones.
  name    = "${var.site.name}.internal"
  comment = "The machines of ${var.site.name}"

  vpc {
    vpc_id = aws_vpc.this.id
  }
}
