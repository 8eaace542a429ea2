# All listen on the loopback, as they do on one machine; nginx ends TLS before them.

locals {
  names = { for role in ["airflow", "superset", "events"] : role => "${role}-web.${var.zone.name}" }
  hosts = {
    airflow  = module.airflow.hostnames[0]
    superset = module.superset.hostnames[0]
    events   = module.events.hostnames[0]
  }
}

module "group" {
  source = "../security_group"

  site_name   = var.site.name
  name        = "control"
  description = "Airflow, Superset and the events service"
  network     = var.network
}

resource "aws_vpc_security_group_ingress_rule" "people" {
  for_each = var.operator_cidrs

  security_group_id = module.group.id
  description       = "People inside the network"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443

  tags = { Name = "${var.site.name}-control-people" }
}

resource "aws_route53_record" "web" {
  for_each = local.names

  zone_id = var.zone.id
  name    = each.value
  type    = "CNAME"
  ttl     = 60
  records = [local.hosts[each.key]]
}
