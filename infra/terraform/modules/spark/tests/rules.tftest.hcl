mock_provider "aws" {
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::bucket" }
  }

  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-west-1:123456789012:key/test" }
  }
}

override_module {
  target  = module.storage
  outputs = { name = "storage", arn = "arn:aws:s3:::storage" }
}

override_resource {
  target          = aws_cloudwatch_log_group.this
  override_during = plan
  values          = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/gridflex-test/spark" }
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
  network               = { vpc_id = "vpc-1", cidr = "10.20.0.0/16" }
  subnet_id             = "subnet-1"
  artifacts             = { name = "artifacts", arn = "arn:aws:s3:::artifacts" }
  access_log_bucket     = "logs"
  release_label         = "emr-7.10.0"
  primary_instance_type = "m7i.xlarge"
  core_instance_type    = "m7i.xlarge"
  core_machines         = 1
  volume_gb             = 64
  executors             = { count = 2, cores = 1, memory = "3g" }
  kafka_secret_arn      = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:AmazonMSK_spark-a"
  protect               = true
}

run "rules" {
  command = plan

  assert {
    condition = (
      jsondecode(aws_emr_security_configuration.this.configuration).EncryptionConfiguration.EnableAtRestEncryption
      && jsondecode(aws_emr_security_configuration.this.configuration).EncryptionConfiguration.AtRestEncryptionConfiguration.LocalDiskEncryptionConfiguration.AwsKmsKey == var.site.kms_key_arn
    )
    error_message = "Disks must be encrypted with the deployment's key."
  }

  assert {
    condition     = aws_emr_cluster.this.security_configuration == var.site.name
    error_message = "The cluster must be bound by the security configuration."
  }

  assert {
    condition     = jsondecode(aws_emr_security_configuration.this.configuration).InstanceMetadataServiceConfiguration.MinimumInstanceMetadataServiceVersion == 2
    error_message = "Whoever makes a machine fetch an address could take its identity."
  }

  assert {
    condition     = aws_emr_cluster.this.termination_protection && aws_emr_cluster.this.keep_job_flow_alive_when_no_steps
    error_message = "A protected cluster must neither be ended by hand nor end by itself."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.workers.cidr_ipv4 == null
    error_message = "Executors are let in by their group, never by address."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.node.policy).Statement :
      !contains(statement.Resource, "*") || can(statement.Condition.StringEquals["cloudwatch:namespace"])
    ])
    error_message = "What a machine may do must be bound to named things."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.node.policy).Statement : statement.Resource
      if contains(statement.Action, "secretsmanager:GetSecretValue")
    ] == [[var.kafka_secret_arn]]
    error_message = "The job reads its own secret and no other."
  }
}
