"""A run as data: its records, its submissions, and what became of each scan."""
