# terraform init -backend-config=bucket=YOUR-STATE-BUCKET -backend-config=region=YOUR-REGION
terraform {
  backend "s3" {
    key          = "gridflex/prod.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}
