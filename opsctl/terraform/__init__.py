"""Terraform: the program, its provider, and the two roots that opsctl applies."""
