"""AWS Batch: jobs and queues."""
