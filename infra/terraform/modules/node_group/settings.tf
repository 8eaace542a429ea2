# Read by the machine when it starts: no secret is in it, only where the secrets are.

resource "aws_s3_object" "settings" {
  bucket     = var.artifacts.name
  key        = "settings/${var.role}/node.env"
  kms_key_id = var.site.kms_key_arn

  content = join("", [
    for key, value in merge(var.settings, {
      GRIDFLEX_SITE         = var.site.name
      GRIDFLEX_LOG_GROUP    = aws_cloudwatch_log_group.this.name
      GRIDFLEX_CA_ARN       = var.certificate_authority_arn
      GRIDFLEX_CERTIFICATES = join(" ", var.certificate_names)
    }) : "${key}='${value}'\n"
  ])
}
