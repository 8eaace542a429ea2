output "config_ini" {
  description = "config.ini for whoever uses this platform."
  value       = local.config_ini
}
