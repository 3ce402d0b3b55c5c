"""The program inside each AWS Batch job of opsctl: pulls one scan from S3, runs m2g, and pushes the outputs.

Python 3.7, the standard library and boto3 only: m2g's image has nothing newer.
"""
