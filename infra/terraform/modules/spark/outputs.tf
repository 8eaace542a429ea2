output "cluster_id" {
  description = "The EMR cluster, a dimension of its metrics."
  value       = aws_emr_cluster.this.id
}

output "security_group_id" {
  description = "The streaming job's machines."
  value       = module.group.id
}
