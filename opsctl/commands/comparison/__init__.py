"""Reads what two runs, datasets or folders have in common, and compares it."""
