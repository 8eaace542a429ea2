output "vpc_id" {
  description = "The network."
  value       = aws_vpc.this.id
}

output "private_subnet_ids" {
  description = "A private subnet in each zone, in the zones' order."
  value       = [for zone in var.availability_zones : aws_subnet.private[zone].id]
}

output "zone" {
  description = "The private DNS zone."
  value       = { id = aws_route53_zone.this.zone_id, name = aws_route53_zone.this.name }
}
