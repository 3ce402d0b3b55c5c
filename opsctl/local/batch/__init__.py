"""AWS Batch's API over moto: jobs that really run."""
