# Daily copies of the volumes that outlive their machines: ZooKeeper's, Airflow's, Superset's.

resource "aws_backup_vault" "this" {
  name          = var.site.name
  kms_key_arn   = var.site.kms_key_arn
  force_destroy = !var.protect
}

resource "aws_backup_plan" "this" {
  name = var.site.name

  rule {
    rule_name         = "daily"
    target_vault_name = aws_backup_vault.this.name
    schedule          = "cron(0 3 * * ? *)"

    lifecycle {
      delete_after = var.backup_days
    }
  }
}

resource "aws_backup_selection" "this" {
  name         = "volumes"
  plan_id      = aws_backup_plan.this.id
  iam_role_arn = aws_iam_role.backup.arn

  selection_tag {
    type  = "STRINGEQUALS"
    key   = "Snapshots"
    value = var.site.name
  }
}

resource "aws_iam_role" "backup" {
  name = "${var.site.name}-backup"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "backup.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.site.account_id } }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "backup" {
  role       = aws_iam_role.backup.name
  policy_arn = "arn:${var.site.partition}:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup"
}
