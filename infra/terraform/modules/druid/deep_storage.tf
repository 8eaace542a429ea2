# Segments and task logs, and the large results of batch jobs on their way in.

module "deep_storage" {
  source = "../bucket"

  name              = "${var.site.name}-druid-${var.site.account_id}"
  kms_key_arn       = var.site.kms_key_arn
  access_log        = { bucket = var.access_log_bucket }
  disposable        = !var.protect
  old_versions_days = 35
}

locals {
  deep_storage_read_statements = [
    {
      Sid      = "List"
      Effect   = "Allow"
      Action   = ["s3:ListBucket", "s3:GetBucketAcl"]
      Resource = [module.deep_storage.arn]
    },
    {
      Sid      = "Read"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = ["${module.deep_storage.arn}/*"]
    },
  ]
  deep_storage_statements = concat(local.deep_storage_read_statements, [{
    Sid      = "Write"
    Effect   = "Allow"
    Action   = ["s3:PutObject", "s3:DeleteObject"]
    Resource = ["${module.deep_storage.arn}/druid/*"]
  }])
}
