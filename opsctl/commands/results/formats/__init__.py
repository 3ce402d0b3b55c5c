"""Writes the connectomes of a download folder in the formats of other programs."""
