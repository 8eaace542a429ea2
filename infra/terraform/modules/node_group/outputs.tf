output "instance_ids" {
  description = "The machines, by name."
  value       = { for name, instance in aws_instance.this : name => instance.id }
}

output "hostnames" {
  description = "Their names in the private zone, in order."
  value       = [for index in range(var.machines) : local.nodes["${var.role}-${index + 1}"].hostname]
}

output "role_arn" {
  description = "Who they are to AWS."
  value       = aws_iam_role.this.arn
}
