"""Compares two settings on the same scans, and chooses the scans of a pilot."""
