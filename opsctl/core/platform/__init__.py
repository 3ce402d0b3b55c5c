"""The platform as data: record, options, state location, inventory, and Terraform's messages."""
