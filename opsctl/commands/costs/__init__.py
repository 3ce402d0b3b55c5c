"""What runs cost, and the limit of `--max-spend`."""
