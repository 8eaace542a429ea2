# The one address of Druid. TLS goes through to the routers, whose certificates bear its name.

resource "aws_security_group" "balancer" {
  name        = "${var.site.name}-druid-balancer"
  description = "Druid's one address"
  vpc_id      = var.network.vpc_id

  tags = { Name = "${var.site.name}-druid-balancer" }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = var.clients

  security_group_id            = aws_security_group.balancer.id
  referenced_security_group_id = each.value
  description                  = each.key
  ip_protocol                  = "tcp"
  from_port                    = 9088
  to_port                      = 9088

  tags = { Name = "${var.site.name}-druid-${each.key}" }
}

resource "aws_vpc_security_group_ingress_rule" "operators" {
  for_each = var.operator_cidrs

  security_group_id = aws_security_group.balancer.id
  description       = "People inside the network"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 9088
  to_port           = 9088

  tags = { Name = "${var.site.name}-druid-people" }
}

resource "aws_vpc_security_group_egress_rule" "routers" {
  security_group_id            = aws_security_group.balancer.id
  referenced_security_group_id = module.group.id
  description                  = "The routers"
  ip_protocol                  = "tcp"
  from_port                    = 9088
  to_port                      = 9088

  tags = { Name = "${var.site.name}-druid-routers" }
}

resource "aws_lb" "router" {
  #checkov:skip=CKV_AWS_91:A balancer of TCP logs only TLS that it ends itself; the network's flow log has its connections.
  name                             = "${var.site.name}-druid"
  internal                         = true
  load_balancer_type               = "network"
  subnets                          = var.subnet_ids
  security_groups                  = [aws_security_group.balancer.id]
  enable_cross_zone_load_balancing = true
  enable_deletion_protection       = var.protect
}

resource "aws_lb_target_group" "router" {
  name     = "${var.site.name}-druid"
  port     = 9088
  protocol = "TCP"
  vpc_id   = var.network.vpc_id

  health_check {
    protocol = "HTTPS"
    path     = "/status/health"
  }
}

resource "aws_lb_target_group_attachment" "router" {
  for_each = module.nodes["query"].instance_ids

  target_group_arn = aws_lb_target_group.router.arn
  target_id        = each.value
  port             = 9088
}

resource "aws_lb_listener" "router" {
  load_balancer_arn = aws_lb.router.arn
  port              = 9088
  protocol          = "TCP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.router.arn
  }
}

resource "aws_route53_record" "router" {
  zone_id = var.zone.id
  name    = local.router_name
  type    = "A"

  alias {
    name                   = aws_lb.router.dns_name
    zone_id                = aws_lb.router.zone_id
    evaluate_target_health = true
  }
}
