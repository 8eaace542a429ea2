output "arn" {
  description = "ARN of the secret, once it holds a password."
  value       = aws_secretsmanager_secret.this.arn
  depends_on  = [aws_secretsmanager_secret_version.this]
}

output "password" {
  description = "The password, for arguments that are only written, never kept."
  value       = ephemeral.aws_secretsmanager_random_password.this.random_password
  ephemeral   = true
}
