"""`delete`: removes data for good, with every version that the bucket keeps."""
