"""OpenNeuro's public datasets: their accessions, and which snapshot the public bucket holds."""
