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

# Each user's name and password; MSK takes only secrets whose names begin with AmazonMSK_.
resource "aws_msk_scram_secret_association" "this" {
  cluster_arn     = aws_msk_cluster.this.arn
  secret_arn_list = values(var.user_secret_arns)
}
