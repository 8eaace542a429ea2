output "arn" {
  description = "The cluster."
  value       = aws_msk_cluster.this.arn
}

output "name" {
  description = "The cluster's name, a dimension of its metrics."
  value       = aws_msk_cluster.this.cluster_name
}

output "bootstrap_servers" {
  description = "Brokers for services: TLS, SCRAM."
  value       = aws_msk_cluster.this.bootstrap_brokers_sasl_scram
}

output "admin_bootstrap_servers" {
  description = "Brokers for the administration: TLS, IAM."
  value       = aws_msk_cluster.this.bootstrap_brokers_sasl_iam
}

output "broker_count" {
  description = "Replicas that a topic can have."
  value       = length(var.subnet_ids)
}
