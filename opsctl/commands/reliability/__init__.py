"""The statistics of reliability over the connectomes of a run, a dataset or a folder."""
