"""How an attempt runs on this machine: as processes or in a container."""
