"""What the AWS account allows: its plan and quotas, how many scans run at once, and what stands in the way of a run."""
