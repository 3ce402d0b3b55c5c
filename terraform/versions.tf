# `terraform test` (tests/) must start in a folder with a configuration; this one creates nothing and is never applied.
terraform {
  # mock_provider needs 1.7. The roots need only 1.5.
  required_version = ">= 1.7"
}
