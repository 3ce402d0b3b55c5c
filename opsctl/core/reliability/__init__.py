"""Whether connectomes can be trusted: distances between scans, discriminability, and what they rest on."""
