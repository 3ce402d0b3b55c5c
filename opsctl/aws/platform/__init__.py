"""A platform's resources, across services: inventory and removal."""
