"""The platform on one machine: a moto server whose Batch really runs jobs and whose S3 lies on disk."""
