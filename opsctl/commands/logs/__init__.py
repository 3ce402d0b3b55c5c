"""A run's log lines, read once or followed."""
