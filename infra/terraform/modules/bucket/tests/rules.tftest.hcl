mock_provider "aws" {}

variables {
  name        = "gridflex-test-data"
  kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/test"
  access_log  = { bucket = "gridflex-test-logs" }
}

override_resource {
  target          = aws_s3_bucket.this
  override_during = plan
  values          = { arn = "arn:aws:s3:::gridflex-test-data" }
}

run "rules" {
  command = plan

  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_server_side_encryption_configuration.this.rule :
      rule.apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms"
      && rule.apply_server_side_encryption_by_default[0].kms_master_key_id == var.kms_key_arn
    ])
    error_message = "Objects must be encrypted with the deployment's key."
  }

  assert {
    condition = (
      aws_s3_bucket_public_access_block.this.block_public_acls && aws_s3_bucket_public_access_block.this.block_public_policy
      && aws_s3_bucket_public_access_block.this.ignore_public_acls && aws_s3_bucket_public_access_block.this.restrict_public_buckets
    )
    error_message = "The bucket could be made public."
  }

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_s3_bucket_policy.this.policy).Statement :
      statement.Effect == "Deny" && try(statement.Condition.Bool["aws:SecureTransport"], "") == "false"
      && statement.Principal == "*" && statement.Action == "s3:*" && length(statement.Resource) == 2
    ])
    error_message = "Objects could be read without TLS."
  }

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "Deep storage must keep old versions."
  }

  assert {
    condition     = !aws_s3_bucket.this.force_destroy
    error_message = "A bucket is not emptied unless it is said to be disposable."
  }

  assert {
    condition     = aws_s3_bucket_logging.this[0].target_bucket == var.access_log.bucket
    error_message = "Who read and wrote must be logged."
  }
}

