mock_provider "aws" {}

variables {
  site = {
    name               = "gridflex-test"
    region             = "eu-west-1"
    account_id         = "123456789012"
    partition          = "aws"
    kms_key_arn        = "arn:aws:kms:eu-west-1:123456789012:key/test"
    log_retention_days = 30
  }
  cidr                = "10.20.0.0/16"
  availability_zones  = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
  nat_per_zone        = true
  interface_endpoints = ["secretsmanager"]
}

run "rules" {
  command = plan

  assert {
    condition     = alltrue([for subnet in aws_subnet.private : !subnet.map_public_ip_on_launch])
    error_message = "A machine in a private subnet would get a public address."
  }

  assert {
    condition     = alltrue([for subnet in aws_subnet.nat : !subnet.map_public_ip_on_launch])
    error_message = "A machine beside the NAT gateway would get a public address."
  }

  assert {
    condition = alltrue([
      for table in aws_route_table.private : alltrue([for route in table.route : route.gateway_id == null || route.gateway_id == ""])
    ])
    error_message = "A private subnet has a route to the internet gateway."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.endpoints.cidr_ipv4 == var.cidr
    error_message = "Endpoints must be reached from inside the network alone."
  }

  assert {
    condition     = length(aws_default_security_group.this.ingress) == 0 && length(aws_default_security_group.this.egress) == 0
    error_message = "The network's default group must let nothing through."
  }

  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL"
    error_message = "All traffic is logged, refused packets too."
  }

  assert {
    condition     = aws_cloudwatch_log_group.flow.kms_key_id == var.site.kms_key_arn
    error_message = "The log must be encrypted with the deployment's key."
  }

  assert {
    condition = length(distinct(concat(
      [for subnet in aws_subnet.private : subnet.cidr_block], [for subnet in aws_subnet.nat : subnet.cidr_block],
    ))) == 6
    error_message = "Six subnets, six blocks."
  }
}

run "two_zones_are_refused" {
  command = plan

  variables {
    availability_zones = ["eu-west-1a", "eu-west-1b"]
  }

  expect_failures = [var.availability_zones]
}
