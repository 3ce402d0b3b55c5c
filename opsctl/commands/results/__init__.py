"""A run's outputs: download and report."""
