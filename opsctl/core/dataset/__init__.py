"""From the keys of a BIDS dataset to scans: discovery, selection, validation."""
