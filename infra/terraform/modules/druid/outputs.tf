output "router_url" {
  description = "The one address of Druid."
  value       = "https://${local.router_name}:9088"
}

output "exchange" {
  description = "Where batch jobs leave large results for Druid."
  value       = "s3://${module.deep_storage.name}/exchange"
}

output "exchange_arn" {
  description = "The objects there."
  value       = "${module.deep_storage.arn}/exchange/*"
}

output "security_group_id" {
  description = "Druid's machines."
  value       = module.group.id
}

output "metadata_instance" {
  description = "The metadata store's name, a dimension of its metrics."
  value       = aws_db_instance.metadata.identifier
}
