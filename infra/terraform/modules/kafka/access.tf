resource "aws_security_group" "brokers" {
  name        = "${var.site.name}-kafka"
  description = "Kafka brokers"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.site.name}-kafka" }
}

locals {
  # 9096: TLS with SCRAM, for services. 9098: TLS with IAM, for whoever makes topics and ACLs.
  doors = merge(
    { for client, group in var.clients : "${client}-scram" => { group = group, port = 9096 } },
    { for client, group in var.administrators : "${client}-iam" => { group = group, port = 9098 } },
  )
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = local.doors

  security_group_id            = aws_security_group.brokers.id
  referenced_security_group_id = each.value.group
  description                  = each.key
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port

  tags = { Name = "${var.site.name}-kafka-${each.key}" }
}

# `gridflex deploy check` asks from a laptop inside the network; it signs in as every service does.
resource "aws_vpc_security_group_ingress_rule" "operators" {
  for_each = var.operator_cidrs

  security_group_id = aws_security_group.brokers.id
  description       = "People inside the network"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 9096
  to_port           = 9096

  tags = { Name = "${var.site.name}-kafka-people" }
}

# Each user's name and password; MSK takes only secrets whose names begin with AmazonMSK_.
resource "aws_msk_scram_secret_association" "this" {
  cluster_arn     = aws_msk_cluster.this.arn
  secret_arn_list = values(var.user_secret_arns)
}
