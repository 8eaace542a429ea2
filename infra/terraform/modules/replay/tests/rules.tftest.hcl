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
  instance_type             = "m7i.large"
  volume_gb                 = 60
  replays                   = { one = { data_set = "redd", shifts = "0:10" } }
  kafka_secret_arn          = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:AmazonMSK_replay-a"
  protect                   = true
}

run "an_unknown_data_set_is_refused" {
  command = plan

  variables {
    replays = { one = { data_set = "london", shifts = "0:10" } }
  }

  expect_failures = [var.replays]
}

run "shifts_that_are_none_are_refused" {
  command = plan

  variables {
    replays = { one = { data_set = "redd", shifts = "all" } }
  }

  expect_failures = [var.replays]
}
