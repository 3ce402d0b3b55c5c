"""Connectomes and the table of a run."""
