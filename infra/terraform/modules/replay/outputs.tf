output "data_sets_bucket" {
  description = "Where data sets are laid down."
  value       = module.data_sets.name
}

output "security_group_id" {
  description = "The machines that play."
  value       = module.group.id
}
