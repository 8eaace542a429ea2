module "group" {
  source = "../security_group"

  site_name   = var.site.name
  name        = "spark"
  description = "The streaming job's machines"
  network     = var.network
}

# EMR writes the rules of these itself; they are its own and let in nobody else.
resource "aws_security_group" "managed" {
  for_each = toset(["primary", "core", "service"])

  name                   = "${var.site.name}-emr-${each.key}"
  description            = "Managed by EMR: ${each.key}"
  vpc_id                 = var.network.vpc_id
  revoke_rules_on_delete = true

  tags = merge(local.managed_tag, { Name = "${var.site.name}-emr-${each.key}" })
}

# The driver on the primary machine and its executors, at the ports that boot/spark.sh gives them.
resource "aws_vpc_security_group_ingress_rule" "workers" {
  security_group_id            = module.group.id
  referenced_security_group_id = module.group.id
  description                  = "Driver and executors"
  ip_protocol                  = "tcp"
  from_port                    = 7078
  to_port                      = 7199

  tags = { Name = "${var.site.name}-spark-workers" }
}
