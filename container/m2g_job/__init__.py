"""What runs inside each AWS Batch job of opsctl: one scan through m2g, from S3 back to S3.

Python 3.7 syntax, standard library and boto3 only: m2g's image has nothing newer.
"""
