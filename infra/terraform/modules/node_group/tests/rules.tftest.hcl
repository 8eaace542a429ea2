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
  subnet_ids                = ["subnet-1", "subnet-2", "subnet-3"]
  zone                      = { id = "Z1", name = "gridflex-test.internal" }
  artifacts                 = { name = "artifacts", arn = "arn:aws:s3:::artifacts" }
  certificate_authority_arn = "arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/1"
  ami_id                    = "ami-1"
  role                      = "druid-query"
  machines                  = 4
  instance_type             = "m7i.large"
  root_volume_gb            = 30
  data_volume_gb            = 8
  security_group_ids        = ["sg-1"]
  secret_arns               = ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:mine-a"]
  settings                  = { ANSWER = "42" }
}

override_resource {
  target          = aws_cloudwatch_log_group.this
  override_during = plan
  values          = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/gridflex-test/druid-query" }
}

run "rules" {
  command = plan

  assert {
    condition     = alltrue([for one in aws_instance.this : one.metadata_options[0].http_tokens == "required"])
    error_message = "Whoever makes a machine fetch an address could take its identity."
  }

  assert {
    condition     = alltrue([for one in aws_instance.this : one.root_block_device[0].encrypted && one.root_block_device[0].kms_key_id == var.site.kms_key_arn])
    error_message = "Disks must be encrypted with the deployment's key."
  }

  assert {
    condition     = length(aws_ebs_volume.data) == 4 && alltrue([for one in aws_ebs_volume.data : one.encrypted && one.kms_key_id == var.site.kms_key_arn])
    error_message = "Disks that outlive a machine must be encrypted with the deployment's key."
  }

  assert {
    condition     = alltrue([for one in aws_ebs_volume.data : one.tags.Snapshots == var.site.name])
    error_message = "The backup plan finds disks by this tag."
  }

  assert {
    condition     = alltrue([for one in aws_instance.this : contains(var.subnet_ids, one.subnet_id)])
    error_message = "Machines stand in private subnets alone."
  }

  assert {
    condition     = length(distinct([for one in aws_instance.this : one.subnet_id])) == 3
    error_message = "Machines are spread over all zones."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.this.policy).Statement :
      !contains(statement.Resource, "*") || can(statement.Condition.StringEquals["cloudwatch:namespace"])
    ])
    error_message = "What a machine may do must be bound to named things."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Resource
      if contains(statement.Action, "secretsmanager:GetSecretValue")
    ] == [["arn:aws:secretsmanager:eu-west-1:123456789012:secret:mine-a"]]
    error_message = "A machine reads its own secrets and no others."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.this.policy).Statement :
      endswith(try(statement.Condition.StringEquals["acm-pca:TemplateArn"], ""), "/EndEntityCertificate/V1")
      if contains(statement.Action, "acm-pca:IssueCertificate")
    ])
    error_message = "A machine could make itself an authority that signs for others."
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.kms_key_id == var.site.kms_key_arn
    error_message = "Logs must be encrypted with the deployment's key."
  }

  assert {
    condition     = alltrue([for one in aws_instance.this : !strcontains(one.user_data, "42")])
    error_message = "Settings belong into S3: another one must not replace the machine."
  }
}

run "secrets_by_pattern_are_refused" {
  command = plan

  variables {
    secret_arns = ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:*"]
  }

  expect_failures = [var.secret_arns]
}
