"""Amazon S3: listings, objects, downloads and state buckets."""
