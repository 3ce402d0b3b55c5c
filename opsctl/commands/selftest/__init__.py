"""What `selftest` does: submit, wait, read, remove."""
