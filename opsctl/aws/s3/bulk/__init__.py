"""Many small objects to S3 at once."""
