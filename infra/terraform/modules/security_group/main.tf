# A group for machines: out they may go by TLS and to their own network, in comes only what other modules let in.

resource "aws_security_group" "this" {
  name        = "${var.site_name}-${var.name}"
  description = var.description
  vpc_id      = var.network.vpc_id

  tags = { Name = "${var.site_name}-${var.name}" }
}

resource "aws_vpc_security_group_egress_rule" "tls" {
  security_group_id = aws_security_group.this.id
  description       = "Distributions, packages, AWS"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443

  tags = { Name = "${var.site_name}-${var.name}-tls" }
}

resource "aws_vpc_security_group_egress_rule" "network" {
  security_group_id = aws_security_group.this.id
  description       = "The other services"
  cidr_ipv4         = var.network.cidr
  ip_protocol       = "tcp"
  from_port         = 1024
  to_port           = 65535

  tags = { Name = "${var.site_name}-${var.name}-network" }
}
