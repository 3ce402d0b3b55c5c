"""A small preview of m2g for local jobs: m2g's command line and output folders, with a small DIPY fit."""
