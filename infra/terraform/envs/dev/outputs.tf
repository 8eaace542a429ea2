output "config_ini" {
  description = "config.ini of this environment: terraform output -raw config_ini > config.ini"
  value       = module.platform.config_ini
}
