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
  network                   = { vpc_id = "vpc-1", cidr = "10.20.0.0/16" }
  subnet_ids                = ["subnet-1", "subnet-2", "subnet-3"]
  zone                      = { id = "Z1", name = "gridflex-test.internal" }
  artifacts                 = { name = "artifacts", arn = "arn:aws:s3:::artifacts" }
  certificate_authority_arn = "arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/1"
  ami_id                    = "ami-1"
  operator_cidrs            = ["10.8.0.0/16"]
  airflow                   = { instance_type = "m7i.large", volume_gb = 16 }
  superset                  = { instance_type = "t3.medium", volume_gb = 8 }
  events                    = { instance_type = "t3.medium" }
  backup_days               = 7
  exchange_arn              = "arn:aws:s3:::druid/exchange/*"
  protect                   = true

  kafka = {
    arn                     = "arn:aws:kafka:eu-west-1:123456789012:cluster/gridflex-test/1"
    admin_bootstrap_servers = "b-1:9098"
  }
  event_token_arns = {
    check           = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:g-a"
    operator-sousse = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:h-a"
  }
  openadr_secret_arns = ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:l-a"]
  secret_arns = {
    kafka_batch    = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-a"
    druid_admin    = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:b-a"
    druid_batch    = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:c-a"
    druid_superset = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:d-a"
    superset_key   = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:e-a"
    superset_admin = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:f-a"
    kafka_events   = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:i-a"
    druid_events   = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:j-a"
    events_service = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:k-a"
  }
}

run "rules" {
  command = plan

  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.people : rule.cidr_ipv4]) == var.operator_cidrs
    error_message = "Only people's networks may open Airflow, Superset and the events service."
  }

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.people : rule.from_port == 443 && rule.to_port == 443])
    error_message = "People come by TLS alone: the servers behind nginx listen on the loopback."
  }

  assert {
    condition     = length(module.events.hostnames) == 1
    error_message = "The ledger has one writer: a second events service would fence the first one again and again."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.event_clients.from_port == 443 && aws_vpc_security_group_ingress_rule.event_clients.to_port == 443 && aws_vpc_security_group_ingress_rule.event_clients.cidr_ipv4 == null
    error_message = "Superset and Airflow reach the events service by TLS alone, and by their group."
  }

  assert {
    condition     = local.event_tokens == { CHECK = var.event_token_arns["check"], OPERATOR_SOUSSE = var.event_token_arns["operator-sousse"] }
    error_message = "Every user's token must reach the events service under the name that it reads."
  }

  assert {
    condition     = local.events_settings.GRIDFLEX_OPENADR_SECRET == one(var.openadr_secret_arns)
    error_message = "The events service must know where its secret at the VTN is."
  }

  assert {
    condition     = contains(local.events_secret_arns, one(var.openadr_secret_arns))
    error_message = "The events service must be allowed to read its secret at the VTN."
  }

  assert {
    condition     = aws_backup_vault.this.kms_key_arn == var.site.kms_key_arn && !aws_backup_vault.this.force_destroy
    error_message = "Copies of volumes must be encrypted and kept."
  }
}

run "the_internet_is_refused" {
  command = plan

  variables {
    operator_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.operator_cidrs]
}

run "without_a_vtn" {
  command = plan

  variables {
    openadr_secret_arns = []
  }

  assert {
    condition     = local.events_settings.GRIDFLEX_OPENADR_SECRET == "" && length(local.events_secret_arns) == 5
    error_message = "Without a VTN there is no secret of one."
  }
}

run "two_vtns_are_refused" {
  command = plan

  variables {
    openadr_secret_arns = ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:l-a", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:m-a"]
  }

  expect_failures = [var.openadr_secret_arns]
}

run "metrics_without_a_token_are_refused" {
  command = plan

  variables {
    event_token_arns = { operator = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:g-a" }
  }

  expect_failures = [var.event_token_arns]
}
