# YARN machines for the streaming job. EMR brings Hadoop; Spark 4 and Python come with the project's own locked
# environment, so that the job is the very one that runs on one machine.

resource "aws_emr_cluster" "this" {
  name                              = var.site.name
  release_label                     = var.release_label
  applications                      = ["Hadoop"]
  service_role                      = aws_iam_role.service.arn
  security_configuration            = aws_emr_security_configuration.this.name
  log_uri                           = "s3://${module.storage.name}/logs/"
  log_encryption_kms_key_id         = var.site.kms_key_arn
  ebs_root_volume_size              = 30
  keep_job_flow_alive_when_no_steps = true
  termination_protection            = var.protect
  unhealthy_node_replacement        = true

  depends_on = [aws_iam_role_policy_attachment.service, aws_iam_role_policy.node]

  ec2_attributes {
    subnet_id                         = var.subnet_id
    instance_profile                  = aws_iam_instance_profile.node.arn
    emr_managed_master_security_group = aws_security_group.managed["primary"].id
    emr_managed_slave_security_group  = aws_security_group.managed["core"].id
    service_access_security_group     = aws_security_group.managed["service"].id
    additional_master_security_groups = module.group.id
    additional_slave_security_groups  = module.group.id
  }

  master_instance_group {
    name          = "primary"
    instance_type = var.primary_instance_type

    ebs_config {
      type = "gp3"
      size = var.volume_gb
    }
  }

  core_instance_group {
    name           = "core"
    instance_type  = var.core_instance_type
    instance_count = var.core_machines

    ebs_config {
      type = "gp3"
      size = var.volume_gb
    }
  }

  bootstrap_action {
    name = "environment"
    path = "s3://${aws_s3_object.bootstrap.bucket}/${aws_s3_object.bootstrap.key}"
    args = [var.artifacts.name]
  }

  # Installs the job as a service of the primary machine, which starts it again whenever it ends; done when it is healthy.
  step {
    name              = "streaming job"
    action_on_failure = "CONTINUE"

    hadoop_jar_step {
      jar  = "command-runner.jar"
      args = ["sudo", "bash", "/opt/gridflex/app/infra/terraform/boot/spark.sh"]
    }
  }

  configurations_json = jsonencode([{
    Classification = "yarn-site"
    Properties     = { "yarn.nodemanager.vmem-check-enabled" = "false" }
  }])

  tags = local.managed_tag

  lifecycle {
    # A step is run by hand after an upgrade; a changed list of steps would make another cluster.
    ignore_changes = [step]
  }
}

locals {
  # AWS's policy for EMR touches only what bears this tag.
  managed_tag = { "for-use-with-amazon-emr-managed-policies" = "true" }
}

resource "aws_emr_security_configuration" "this" {
  #checkov:skip=CKV_AWS_351:EMR's switch wants a private key in S3. Spark encrypts what goes between machines by itself.
  name = var.site.name

  configuration = jsonencode({
    EncryptionConfiguration = {
      EnableAtRestEncryption    = true
      EnableInTransitEncryption = false
      AtRestEncryptionConfiguration = {
        S3EncryptionConfiguration = {
          EncryptionMode = "SSE-KMS"
          AwsKmsKey      = var.site.kms_key_arn
        }
        LocalDiskEncryptionConfiguration = {
          EncryptionKeyProviderType = "AwsKms"
          AwsKmsKey                 = var.site.kms_key_arn
          EnableEbsEncryption       = true
        }
      }
    }
    InstanceMetadataServiceConfiguration = {
      MinimumInstanceMetadataServiceVersion = 2
      HttpPutResponseHopLimit               = 1
    }
  })
}
