output "client_group_ids" {
  description = "Groups of these machines, for the services that they use."
  value       = { airflow = module.airflow_group.id, control = module.group.id, events = module.events_group.id }
}

output "urls" {
  description = "Where people find Airflow, Superset and the events service."
  value       = { for role, name in local.names : role => "https://${name}" }
}
