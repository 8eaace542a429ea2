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
  vpc_id          = "vpc-1"
  subnet_ids      = ["subnet-1", "subnet-2", "subnet-3"]
  instance_type   = "kafka.t3.small"
  volume_gb       = 20
  retention_hours = 72
  clients         = { spark = "sg-1", druid = "sg-2" }
  administrators  = { control = "sg-3" }
  operator_cidrs  = ["10.8.0.0/16"]
  user_secret_arns = {
    spark = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:AmazonMSK_test_spark-a"
    druid = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:AmazonMSK_test_druid-a"
  }
}

override_resource {
  target          = aws_msk_cluster.this
  override_during = plan
  values          = { arn = "arn:aws:kafka:eu-west-1:123456789012:cluster/gridflex-test/1" }
}

run "rules" {
  command = plan

  assert {
    condition     = aws_msk_cluster.this.encryption_info[0].encryption_in_transit[0].client_broker == "TLS"
    error_message = "Clients must speak TLS: neither PLAINTEXT nor TLS_PLAINTEXT."
  }

  assert {
    condition     = aws_msk_cluster.this.encryption_info[0].encryption_in_transit[0].in_cluster
    error_message = "Brokers must speak TLS to each other."
  }

  assert {
    condition     = aws_msk_cluster.this.encryption_info[0].encryption_at_rest_kms_key_arn == var.site.kms_key_arn
    error_message = "Topics must be encrypted with the deployment's key."
  }

  assert {
    condition     = !aws_msk_cluster.this.client_authentication[0].unauthenticated
    error_message = "A client without credentials would get in."
  }

  assert {
    condition     = aws_msk_cluster.this.client_authentication[0].sasl[0].scram
    error_message = "Services sign in by SCRAM."
  }

  assert {
    condition     = strcontains(aws_msk_configuration.this.server_properties, "allow.everyone.if.no.acl.found=false")
    error_message = "A topic without ACLs would be open to all."
  }

  assert {
    condition = alltrue([
      for rule in aws_vpc_security_group_ingress_rule.clients : rule.cidr_ipv4 == null && rule.cidr_ipv6 == null
    ])
    error_message = "Services reach brokers by named groups, never by addresses."
  }

  assert {
    condition = alltrue([
      for rule in aws_vpc_security_group_ingress_rule.operators :
      contains(var.operator_cidrs, rule.cidr_ipv4) && rule.from_port == 9096 && rule.to_port == 9096
    ])
    error_message = "People's networks reach brokers only where users sign in."
  }

  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.clients : rule.from_port]) == toset([9096, 9098])
    error_message = "9096 for SCRAM, 9098 for IAM, no other port."
  }

  assert {
    condition     = aws_msk_cluster.this.number_of_broker_nodes >= 3
    error_message = "At least three brokers."
  }

  assert {
    condition     = strcontains(aws_msk_configuration.this.server_properties, "min.insync.replicas=2")
    error_message = "A reading must be on two brokers before it counts as written."
  }

  assert {
    condition     = strcontains(aws_msk_configuration.this.server_properties, "offsets.retention.minutes=5256000")
    error_message = "A finished replay's position would be forgotten, and the replay would deliver twice."
  }

  assert {
    condition     = aws_msk_scram_secret_association.this.secret_arn_list == toset(values(var.user_secret_arns))
    error_message = "Every user's secret must be known to the cluster."
  }
}

run "a_secret_that_msk_refuses_is_refused_here" {
  command = plan

  variables {
    user_secret_arns = { spark = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:spark-a" }
  }

  expect_failures = [var.user_secret_arns]
}

run "two_brokers_are_refused" {
  command = plan

  variables {
    subnet_ids = ["subnet-1", "subnet-2"]
  }

  expect_failures = [var.subnet_ids]
}

run "the_internet_is_refused" {
  command = plan

  variables {
    operator_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.operator_cidrs]
}
