"""A small real m2g for opsctl's local jobs: m2g's command line and folders, DIPY's fit. Not m2g, and it says so."""
