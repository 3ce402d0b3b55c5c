"""opsctl: m2g over whole BIDS datasets on AWS Batch."""

__version__ = "0.1.0"
