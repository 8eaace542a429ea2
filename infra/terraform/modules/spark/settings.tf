# What the machines read when they start. The bootstrap script is the one of the project's zip, which it goes on to fetch.

resource "aws_s3_object" "bootstrap" {
  bucket      = var.artifacts.name
  key         = "settings/spark/bootstrap.sh"
  source      = "${path.module}/../../boot/spark-bootstrap.sh"
  source_hash = filemd5("${path.module}/../../boot/spark-bootstrap.sh")
  kms_key_id  = var.site.kms_key_arn
}

resource "aws_s3_object" "settings" {
  bucket     = var.artifacts.name
  key        = "settings/spark/node.env"
  kms_key_id = var.site.kms_key_arn

  content = join("", [for key, value in local.settings : "${key}='${value}'\n"])
}

locals {
  settings = {
    GRIDFLEX_SITE            = var.site.name
    GRIDFLEX_LOG_GROUP       = aws_cloudwatch_log_group.this.name
    GRIDFLEX_KAFKA_SECRET    = var.kafka_secret_arn
    GRIDFLEX_CHECKPOINT      = "s3a://${module.storage.name}/checkpoints/duty-cycles"
    GRIDFLEX_EXECUTORS       = var.executors.count
    GRIDFLEX_EXECUTOR_CORES  = var.executors.cores
    GRIDFLEX_EXECUTOR_MEMORY = var.executors.memory
  }
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/${var.site.name}/spark"
  kms_key_id        = var.site.kms_key_arn
  retention_in_days = var.site.log_retention_days
}

# The job's state and EMR's own logs.
module "storage" {
  source = "../bucket"

  name              = "${var.site.name}-spark-${var.site.account_id}"
  kms_key_arn       = var.site.kms_key_arn
  access_log        = { bucket = var.access_log_bucket }
  disposable        = !var.protect
  old_versions_days = 3
}
