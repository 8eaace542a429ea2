mock_provider "aws" {
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::bucket" }
  }
}

variables {
  name              = "gridflex-test"
  region            = "eu-west-1"
  account_id        = "123456789012"
  partition         = "aws"
  key_deletion_days = 30
  disposable        = false
  release_files     = { "gridflex.zip" = "versions.tf" }
}

run "rules" {
  command = plan

  assert {
    condition     = aws_kms_key.this.enable_key_rotation
    error_message = "The key must be renewed every year."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_kms_key.this.policy).Statement :
      can(statement.Principal.AWS) || can(statement.Condition)
    ])
    error_message = "A service that uses the key must be bound to this account's things."
  }

  assert {
    condition     = aws_acmpca_certificate_authority.this.usage_mode == "SHORT_LIVED_CERTIFICATE"
    error_message = "Machines' certificates must live for days: nothing revokes them."
  }
}

run "a_release_without_the_project_is_refused" {
  command = plan

  variables {
    release_files = { "spark-jars.zip" = "versions.tf" }
  }

  expect_failures = [var.release_files]
}
