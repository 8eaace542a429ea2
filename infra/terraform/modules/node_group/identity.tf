# What these machines may do: read their release, settings and secrets, sign their certificate, write their log.

resource "aws_iam_role" "this" {
  name = "${var.site.name}-${var.role}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_instance_profile" "this" {
  name = "${var.site.name}-${var.role}"
  role = aws_iam_role.this.name
}

# A shell through Systems Manager, so that no machine listens for SSH.
resource "aws_iam_role_policy_attachment" "shell" {
  role       = aws_iam_role.this.name
  policy_arn = "arn:${var.site.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

resource "aws_iam_role_policy" "this" {
  name = "node"
  role = aws_iam_role.this.id

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat(local.statements, local.secret_statements, var.statements)
  })
}

locals {
  secret_statements = length(var.secret_arns) == 0 ? [] : [{
    Sid      = "Secrets"
    Effect   = "Allow"
    Action   = ["secretsmanager:GetSecretValue"]
    Resource = var.secret_arns
  }]
  statements = [
    {
      Sid    = "Release"
      Effect = "Allow"
      Action = ["s3:GetObject"]
      Resource = [
        "${var.artifacts.arn}/release/*",
        "${var.artifacts.arn}/settings/common/*",
        "${var.artifacts.arn}/settings/${var.role}/*",
      ]
    },
    {
      Sid      = "Key"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = [var.site.kms_key_arn]
      Condition = {
        StringEquals = {
          "kms:ViaService" = [
            "s3.${var.site.region}.amazonaws.com", "secretsmanager.${var.site.region}.amazonaws.com",
          ]
        }
      }
    },
    {
      Sid      = "Certificate"
      Effect   = "Allow"
      Action   = ["acm-pca:GetCertificate", "acm-pca:GetCertificateAuthorityCertificate"]
      Resource = [var.certificate_authority_arn]
    },
    {
      Sid      = "OwnCertificate"
      Effect   = "Allow"
      Action   = ["acm-pca:IssueCertificate"]
      Resource = [var.certificate_authority_arn]
      Condition = {
        StringEquals = {
          "acm-pca:TemplateArn" = "arn:${var.site.partition}:acm-pca:::template/EndEntityCertificate/V1"
        }
      }
    },
    {
      Sid      = "Log"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
      Resource = ["${aws_cloudwatch_log_group.this.arn}:*"]
    },
    {
      Sid       = "Metrics"
      Effect    = "Allow"
      Action    = ["cloudwatch:PutMetricData"]
      Resource  = ["*"]
      Condition = { StringEquals = { "cloudwatch:namespace" = "Gridflex/${var.site.name}" } }
    },
  ]
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/${var.site.name}/${var.role}"
  kms_key_id        = var.site.kms_key_arn
  retention_in_days = var.site.log_retention_days
}
