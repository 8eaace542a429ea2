# Every role from one table: what differs between them is a size, a volume and which secrets they read.

locals {
  cluster_secrets = [var.secret_arns.admin, var.secret_arns.internal, var.secret_arns.metadata]

  roles = {
    zookeeper = {
      secrets    = []
      statements = []
      names      = []
      volume     = true
    }
    coordinator = {
      secrets    = concat(local.cluster_secrets, [var.secret_arns.kafka])
      statements = local.deep_storage_statements
      names      = []
      volume     = false
    }
    query = {
      secrets    = local.cluster_secrets
      statements = []
      names      = [local.router_name]
      volume     = false
    }
    historical = {
      secrets    = local.cluster_secrets
      statements = local.deep_storage_read_statements
      names      = []
      volume     = false
    }
    middle-manager = {
      secrets    = concat(local.cluster_secrets, [var.secret_arns.kafka])
      statements = local.deep_storage_statements
      names      = []
      volume     = false
    }
  }

  router_name = "druid.${var.zone.name}"
}

module "nodes" {
  source   = "../node_group"
  for_each = local.roles

  site                      = var.site
  role                      = "druid-${each.key}"
  machines                  = var.sizes[each.key].machines
  instance_type             = var.sizes[each.key].instance_type
  root_volume_gb            = var.sizes[each.key].volume_gb
  data_volume_gb            = each.value.volume ? 8 : 0
  ami_id                    = var.ami_id
  subnet_ids                = var.subnet_ids
  security_group_ids        = [module.group.id]
  zone                      = var.zone
  artifacts                 = var.artifacts
  certificate_authority_arn = var.certificate_authority_arn
  certificate_names         = each.value.names
  secret_arns               = each.value.secrets
  statements                = each.value.statements
  settings                  = local.settings
}

locals {
  # By name and not by reference: every machine has to know all ZooKeepers, itself among them.
  zookeepers = [for index in range(var.sizes["zookeeper"].machines) : "druid-zookeeper-${index + 1}.${var.zone.name}"]

  settings = {
    GRIDFLEX_DRUID_VERSION         = var.druid_version
    GRIDFLEX_DRUID_CLUSTER         = jsonencode(local.cluster)
    GRIDFLEX_DRUID_ADMIN_SECRET    = var.secret_arns.admin
    GRIDFLEX_DRUID_INTERNAL_SECRET = var.secret_arns.internal
    GRIDFLEX_DRUID_METADATA_SECRET = var.secret_arns.metadata
    GRIDFLEX_KAFKA_SECRET          = var.secret_arns.kafka
  }
  # What `gridflex deploy render` reads; gridflex/operations/cluster/description.py says what each means.
  cluster = {
    zookeepers       = local.zookeepers
    metadata_host    = aws_db_instance.metadata.address
    metadata_port    = aws_db_instance.metadata.port
    metadata_name    = aws_db_instance.metadata.db_name
    metadata_user    = aws_db_instance.metadata.username
    deep_storage     = module.deep_storage.name
    deep_storage_key = var.site.kms_key_arn
    task_slots       = var.task_slots
  }
}
