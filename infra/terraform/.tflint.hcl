plugin "terraform" {
  enabled = true
  preset  = "all"
}

# Small files by topic instead of one main.tf for each module.
rule "terraform_standard_module_structure" {
  enabled = false
}
