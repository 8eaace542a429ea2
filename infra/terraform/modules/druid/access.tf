module "group" {
  source = "../security_group"

  site_name   = var.site.name
  name        = "druid"
  description = "Druid and its ZooKeepers"
  network     = var.network
}

# Among themselves: Druid's TLS ports and those of its tasks, ZooKeeper's TLS ports.
resource "aws_vpc_security_group_ingress_rule" "cluster" {
  for_each = {
    zookeeper = { from = 2281, to = 2281 }
    quorum    = { from = 2888, to = 2889 }
    services  = { from = 8281, to = 8291 }
    router    = { from = 9088, to = 9088 }
    tasks     = { from = 8300, to = 8399 }
  }

  security_group_id            = module.group.id
  referenced_security_group_id = module.group.id
  description                  = each.key
  ip_protocol                  = "tcp"
  from_port                    = each.value.from
  to_port                      = each.value.to

  tags = { Name = "${var.site.name}-druid-${each.key}" }
}

resource "aws_vpc_security_group_ingress_rule" "balancer" {
  security_group_id            = module.group.id
  referenced_security_group_id = aws_security_group.balancer.id
  description                  = "The router, through its balancer"
  ip_protocol                  = "tcp"
  from_port                    = 9088
  to_port                      = 9088

  tags = { Name = "${var.site.name}-druid-balancer" }
}

resource "aws_security_group" "metadata" {
  name        = "${var.site.name}-druid-metadata"
  description = "Druid's metadata store"
  vpc_id      = var.network.vpc_id

  tags = { Name = "${var.site.name}-druid-metadata" }
}

resource "aws_vpc_security_group_ingress_rule" "metadata" {
  security_group_id            = aws_security_group.metadata.id
  referenced_security_group_id = module.group.id
  description                  = "PostgreSQL, by TLS"
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432

  tags = { Name = "${var.site.name}-druid-metadata" }
}
