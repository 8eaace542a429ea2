# Druid's metadata: segments, supervisors, users.

resource "aws_db_subnet_group" "metadata" {
  name       = "${var.site.name}-druid"
  subnet_ids = var.subnet_ids
}

resource "aws_db_parameter_group" "metadata" {
  name   = "${var.site.name}-druid"
  family = "postgres${split(".", var.postgres_version)[0]}"

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  parameter {
    name  = "log_min_duration_statement"
    value = "1000"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_db_instance" "metadata" {
  #checkov:skip=CKV_AWS_161:Druid signs in by password; it has no way to sign in by IAM.
  #checkov:skip=CKV_AWS_118:Enhanced monitoring of a database that is idle most of the time; CloudWatch's own is enough.
  #checkov:skip=CKV_AWS_353:Performance insights of a database that is idle most of the time; CloudWatch is enough.
  #checkov:skip=CKV2_AWS_30:Slow statements are logged; all statements would hold what users are called.
  identifier                 = "${var.site.name}-druid"
  engine                     = "postgres"
  engine_version             = var.postgres_version
  instance_class             = var.metadata_instance_class
  allocated_storage          = 20
  max_allocated_storage      = 100
  storage_type               = "gp3"
  storage_encrypted          = true
  kms_key_id                 = var.site.kms_key_arn
  db_name                    = "druid"
  username                   = "druid"
  password_wo                = var.metadata_password
  password_wo_version        = var.credentials_generation
  db_subnet_group_name       = aws_db_subnet_group.metadata.name
  parameter_group_name       = aws_db_parameter_group.metadata.name
  vpc_security_group_ids     = [aws_security_group.metadata.id]
  publicly_accessible        = false
  multi_az                   = var.metadata_multi_az
  backup_retention_period    = var.metadata_backup_days
  copy_tags_to_snapshot      = true
  auto_minor_version_upgrade = true
  deletion_protection        = var.protect
  skip_final_snapshot        = !var.protect
  final_snapshot_identifier  = var.protect ? "${var.site.name}-druid-last" : null

  enabled_cloudwatch_logs_exports = ["postgresql", "upgrade"]
}
