"""moto's S3 with its objects on disk."""
