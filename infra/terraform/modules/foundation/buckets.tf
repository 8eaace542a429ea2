module "access_logs" {
  source = "../bucket"

  name       = "${var.name}-access-logs-${var.account_id}"
  disposable = var.disposable

  statements = [{
    Sid       = "AccessLogs"
    Effect    = "Allow"
    Principal = { Service = "logging.s3.amazonaws.com" }
    Action    = "s3:PutObject"
    Resource  = "arn:${var.partition}:s3:::${var.name}-access-logs-${var.account_id}/*"
    Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
  }]
}

# The project's zip, Spark's jars, and the settings that machines read when they start.
module "artifacts" {
  source = "../bucket"

  name        = "${var.name}-artifacts-${var.account_id}"
  kms_key_arn = aws_kms_key.this.arn
  access_log  = { bucket = module.access_logs.name }
  disposable  = var.disposable
}

resource "aws_s3_object" "release" {
  for_each = var.release_files

  bucket      = module.artifacts.name
  key         = "release/${each.key}"
  source      = each.value
  source_hash = filemd5(each.value)
  kms_key_id  = aws_kms_key.this.arn
}
