"""The pure core: plain data in, plain data out. No AWS, no Terraform, no terminal, no clock."""
