output "kms_key_arn" {
  description = "The deployment's key."
  value       = aws_kms_key.this.arn
}

output "access_log_bucket" {
  description = "Bucket for S3's access logs."
  value       = module.access_logs.name
}

output "artifacts" {
  description = "Bucket of the release and of the machines' settings."
  value       = { name = module.artifacts.name, arn = module.artifacts.arn }
}

output "certificate_authority_arn" {
  description = "Signs the machines' certificates, once its own is installed."
  value       = aws_acmpca_certificate_authority_certificate.root.certificate_authority_arn
}
