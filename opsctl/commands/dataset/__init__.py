"""Datasets: discovery, checks and upload."""
