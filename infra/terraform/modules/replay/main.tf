# Plays data sets into Kafka. One machine plays them all: a replay is one process, hundreds of virtual houses strong.

module "nodes" {
  source = "../node_group"

  site                      = var.site
  role                      = "replay"
  machines                  = 1
  instance_type             = var.instance_type
  root_volume_gb            = var.volume_gb
  ami_id                    = var.ami_id
  subnet_ids                = var.subnet_ids
  security_group_ids        = [module.group.id]
  zone                      = var.zone
  artifacts                 = var.artifacts
  certificate_authority_arn = var.certificate_authority_arn
  secret_arns               = [var.kafka_secret_arn]

  statements = [
    {
      Sid      = "DataSets"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = ["${module.data_sets.arn}/*"]
    },
    {
      Sid      = "ListDataSets"
      Effect   = "Allow"
      Action   = ["s3:ListBucket"]
      Resource = [module.data_sets.arn]
    },
  ]

  settings = {
    GRIDFLEX_DATA_SETS    = module.data_sets.name
    GRIDFLEX_KAFKA_SECRET = var.kafka_secret_arn
    # name:data set:first shift:past the last, for each replay
    GRIDFLEX_REPLAYS = join(" ", [
      for name, replay in var.replays : "${name}:${replay.data_set}:${replay.shifts}"
    ])
  }
}

module "group" {
  source = "../security_group"

  site_name   = var.site.name
  name        = "replay"
  description = "Plays data sets into Kafka"
  network     = var.network
}

# REDD below redd/, GREEND below greend/, as they are published; filled by hand, once.
module "data_sets" {
  source = "../bucket"

  name        = "${var.site.name}-data-sets-${var.site.account_id}"
  kms_key_arn = var.site.kms_key_arn
  access_log  = { bucket = var.access_log_bucket }
  disposable  = !var.protect
}
