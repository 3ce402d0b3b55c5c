"""What `up` and `down` share: options, state and Terraform sessions."""
