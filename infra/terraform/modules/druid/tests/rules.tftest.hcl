mock_provider "aws" {
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::bucket" }
  }

  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-west-1:123456789012:key/test" }
  }
}

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
  access_log_bucket         = "logs"
  druid_version             = "33.0.0"
  task_slots                = 10
  clients                   = { control = "sg-1" }
  operator_cidrs            = ["10.8.0.0/16"]
  metadata_password         = "only-for-this-test-0123456789"
  credentials_generation    = 1
  metadata_instance_class   = "db.t4g.small"
  metadata_multi_az         = false
  metadata_backup_days      = 3
  protect                   = true

  secret_arns = {
    admin    = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:admin-a"
    internal = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:internal-a"
    metadata = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:metadata-a"
    kafka    = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:kafka-a"
  }
  sizes = {
    zookeeper      = { machines = 1, instance_type = "t3.small", volume_gb = 20 }
    coordinator    = { machines = 1, instance_type = "m7i.large", volume_gb = 20 }
    query          = { machines = 1, instance_type = "m7i.large", volume_gb = 20 }
    historical     = { machines = 1, instance_type = "m7i.large", volume_gb = 20 }
    middle-manager = { machines = 1, instance_type = "m7i.large", volume_gb = 20 }
  }
}

run "rules" {
  command = plan

  assert {
    condition     = aws_db_instance.metadata.storage_encrypted && aws_db_instance.metadata.kms_key_id == var.site.kms_key_arn
    error_message = "The metadata store must be encrypted with the deployment's key."
  }

  assert {
    condition     = anytrue([for one in aws_db_parameter_group.metadata.parameter : one.name == "rds.force_ssl" && one.value == "1"])
    error_message = "The metadata store must refuse connections without TLS."
  }

  assert {
    condition     = !aws_db_instance.metadata.publicly_accessible
    error_message = "The metadata store must have no public address."
  }

  assert {
    condition     = aws_db_instance.metadata.password == null
    error_message = "The metadata store's password would stand in the state."
  }

  assert {
    condition     = aws_db_instance.metadata.deletion_protection && !aws_db_instance.metadata.skip_final_snapshot
    error_message = "A protected metadata store could be lost."
  }

  assert {
    condition     = aws_lb.router.internal
    error_message = "Druid must not be reachable from the internet."
  }

  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.operators : rule.cidr_ipv4]) == var.operator_cidrs
    error_message = "Only people's networks may ask Druid by address."
  }

  assert {
    condition = alltrue([
      for rule in concat(values(aws_vpc_security_group_ingress_rule.cluster), values(aws_vpc_security_group_ingress_rule.clients)) :
      rule.cidr_ipv4 == null
    ])
    error_message = "Machines are let in by their group, never by address."
  }

  assert {
    condition     = !contains([for rule in aws_vpc_security_group_ingress_rule.cluster : rule.from_port], 2181)
    error_message = "ZooKeeper must be reached by TLS, at 2281."
  }

  assert {
    condition     = length([for role, settings in local.roles : role if contains(settings.secrets, var.secret_arns.kafka)]) == 2
    error_message = "Only the overlord and its tasks read Kafka."
  }
}

run "the_internet_is_refused" {
  command = plan

  variables {
    operator_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.operator_cidrs]
}

run "an_even_ensemble_is_refused" {
  command = plan

  variables {
    sizes = {
      zookeeper      = { machines = 2, instance_type = "t3.small", volume_gb = 20 }
      coordinator    = { machines = 1, instance_type = "m7i.large", volume_gb = 20 }
      query          = { machines = 1, instance_type = "m7i.large", volume_gb = 20 }
      historical     = { machines = 1, instance_type = "m7i.large", volume_gb = 20 }
      middle-manager = { machines = 1, instance_type = "m7i.large", volume_gb = 20 }
    }
  }

  expect_failures = [var.sizes]
}
