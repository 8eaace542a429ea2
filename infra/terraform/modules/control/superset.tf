module "superset" {
  source = "../node_group"

  site                      = var.site
  role                      = "superset"
  machines                  = 1
  instance_type             = var.superset.instance_type
  root_volume_gb            = 30
  data_volume_gb            = var.superset.volume_gb
  ami_id                    = var.ami_id
  subnet_ids                = var.subnet_ids
  security_group_ids        = [module.group.id]
  zone                      = var.zone
  artifacts                 = var.artifacts
  certificate_authority_arn = var.certificate_authority_arn
  certificate_names         = [local.names["superset"]]
  secret_arns               = [var.secret_arns.druid_superset, var.secret_arns.superset_key, var.secret_arns.superset_admin]

  settings = {
    GRIDFLEX_PUBLIC_NAME           = local.names["superset"]
    GRIDFLEX_DRUID_SECRET          = var.secret_arns.druid_superset
    GRIDFLEX_SUPERSET_KEY_SECRET   = var.secret_arns.superset_key
    GRIDFLEX_SUPERSET_ADMIN_SECRET = var.secret_arns.superset_admin
  }
}
