"""What the simulation of a run is made of, from the platform, its account and its finished scans."""
